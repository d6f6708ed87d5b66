"""The directory of a run or sweep copied to storage that outlives the machine, while it is being written to.

What the copy holds at any moment, a run can go on from: a file is there whole or not at all; a checkpoint counts once
all of its files are there; databases are as new as the checkpoint or newer. Storage of objects has no links: those to
checkpoints are small files that hold the path which the link points at (`link_files` makes links of them again).
"""

import io
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pyarrow import fs

from rlhp_ray.errors import ClusterError, ConfigError
from rlhp_ray.experiment.link_files import LINK_NAMES
from rlhp_ray.experiment.session_lock import LOCK_FILE
from rlhp_ray.experiment.storage_address import address_below, check_destination, open_address, put_whole, reason
from rlhp_ray.preferences.database_snapshot import snapshot_database

_CHECKPOINT_PREFIX = "checkpoint_"  # of Tune's directories
_DATABASE, _DATABASE_LOGS = ".sqlite", (".sqlite-wal", ".sqlite-shm", ".sqlite-journal")
_FIRST = ("config.yaml", "sweep.yaml")  # by which runs and sweeps are known
_LAST = "summary.json"  # which tells that a run is done: after the checkpoint that it ended with


@dataclass(frozen=True)
class _Link:
    """A link to a checkpoint, as it was when a copy began."""

    path: Path
    text: str

    @property
    def target(self) -> Path:
        return Path(os.path.normpath(self.path.parent / self.text))

    @property
    def still_stands(self) -> bool:
        """Whether it is the same: it moves before Tune deletes what it pointed at."""
        return self.path.is_symlink() and os.readlink(self.path) == self.text


class ResultCopy:
    """Copies what has changed since the last time that it copied.

    Args:
        address: that directories are copied below.

    Raises:
        ConfigError: not an address of storage.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._filesystem, self._path = open_address("--copy-to", address)
        self._copied: dict[Path, object] = {}  # what each file was like

    def check(self) -> None:
        """Write and delete a small file there. Raises ClusterError where that cannot be done."""
        check_destination("--copy-to", self.address)

    def refuse_itself(self, output_dir: Path) -> None:
        """Raise ConfigError where results are written to the very place that they are to be copied to."""
        if isinstance(self._filesystem, fs.LocalFileSystem) and output_dir.resolve() == Path(self._path).resolve():
            raise ConfigError(
                f"--copy-to: got {self.address}, where the results themselves are written; expected another place, on "
                "another disk; choose one, or leave it out"
            )

    def lacks_checkpoint(self, directory: Path) -> bool:
        """Whether a run has stored one since the last copy."""
        return any(self._copied.get(link.path) != link.text for link in _links(directory))

    def copy(self, directory: Path) -> str:
        """Copy a run's or a sweep's directory.

        Returns:
            The address of the copy.

        Raises:
            ClusterError: a file cannot be written.
            PreferenceStoreError: a database is damaged.
        """
        try:
            links = set(_links(directory))
            whole = {link for link in links if self._copy_checkpoint(directory, link)}
            files = sorted(_files(directory), key=lambda path: (path.name not in _FIRST, path))
            for path in files:
                if path.name != _LAST:
                    self._copy_file(directory, path)
            for link in whole:
                self._copy_link(directory, link)
            for path in files:
                if path.name == _LAST and whole.issuperset(_links_of(path.parent)):
                    self._copy_file(directory, path)
            if whole == links:
                self._drop_old_checkpoints(directory, links)
        except OSError as error:
            raise ClusterError(
                f"{directory} was not copied to {self.address}: {reason(error)}; it is whole where it is. Copy it by "
                "hand, for example with `aws s3 cp --recursive` or `gcloud storage cp --recursive`."
            ) from error
        return address_below(self.address, directory.name)

    def _copy_checkpoint(self, directory: Path, link: _Link) -> bool:
        """Whether all of it is there now; not where it was deleted meanwhile, since a newer one was stored."""
        if link.target in self._copied:
            return True
        files = [path for path in link.target.rglob("*") if path.is_file()]
        all_copied = all(self._copy_file(directory, path) for path in files)
        if not (files and all_copied and link.still_stands):
            return False
        self._copied[link.target] = True
        return True

    def _copy_file(self, directory: Path, path: Path) -> bool:
        """Whether the file is there now; False where it has gone here."""
        try:
            state = _state_of(path)
            if self._copied.get(path) == state:
                return True
            if path.suffix == _DATABASE:
                self._put_database(directory, path)
            else:
                with path.open("rb") as content:
                    self._put(directory, path, content)
        except FileNotFoundError:
            if path.exists():  # so that it is the storage that lacks something
                raise
            return False
        self._copied[path] = state
        return True

    def _put_database(self, directory: Path, path: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="rlhp-") as folder:
            snapshot = Path(folder) / path.name
            snapshot_database(path, snapshot)
            with snapshot.open("rb") as content:
                self._put(directory, path, content)

    def _copy_link(self, directory: Path, link: _Link) -> None:
        if self._copied.get(link.path) != link.text:
            self._put(directory, link.path, io.BytesIO(link.text.encode()))
            self._copied[link.path] = link.text

    def _put(self, directory: Path, path: Path, content: BinaryIO) -> None:
        """Write it below the address, under the same path."""
        relative = path.relative_to(directory.parent).as_posix()
        put_whole(self._filesystem, content, f"{self._path}/{relative}", f"{self._path}/.{directory.name}.partial")

    def _drop_old_checkpoints(self, directory: Path, links: set[_Link]) -> None:
        """Delete in the copy what no link points at any more, of an earlier session, too."""
        kept = frozenset(link.target for link in links)
        if self._copied.get(directory) == kept:
            return
        for run in {link.path.parent.parent for link in links}:
            storage = run.relative_to(directory.parent) / "tune"
            selector = fs.FileSelector(f"{self._path}/{storage.as_posix()}", allow_not_found=True, recursive=True)
            for found in self._filesystem.get_file_info(selector):
                is_checkpoint = found.type == fs.FileType.Directory and found.base_name.startswith(_CHECKPOINT_PREFIX)
                here = directory.parent / os.path.relpath(found.path, self._path)
                if is_checkpoint and here not in kept:
                    self._filesystem.delete_dir(found.path)
        self._copied[directory] = kept


def _links(directory: Path) -> Iterator[_Link]:
    """Of the run, or of all runs of the sweep, to their checkpoints."""
    for run in (directory, *(path for path in directory.iterdir() if path.is_dir())):
        yield from _links_of(run)


def _links_of(run: Path) -> Iterator[_Link]:
    for name in LINK_NAMES:
        path = run / "checkpoints" / name
        if path.is_symlink():
            yield _Link(path, os.readlink(path))


def _files(directory: Path) -> Iterator[Path]:
    """All but checkpoints, links, and what is there for a moment only."""
    for folder, names, files in os.walk(directory):
        names[:] = [name for name in names if not name.startswith(_CHECKPOINT_PREFIX)]
        for name in files:
            path = Path(folder) / name
            is_passing = name.endswith(_DATABASE_LOGS) or (name.startswith(".") and name != LOCK_FILE)
            if not (is_passing or path.is_symlink()):
                yield path


def _state_of(path: Path) -> object:
    """What differs once a file was written to; of a database, its log as well."""
    states = [path.stat()]
    log = path.with_name(f"{path.name}-wal")
    if path.suffix == _DATABASE and log.exists():
        states.append(log.stat())
    return [(state.st_size, state.st_mtime_ns) for state in states]
