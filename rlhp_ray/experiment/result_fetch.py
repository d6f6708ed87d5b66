"""A run or sweep brought back from the storage that it was copied to."""

import os
import secrets
import shutil
from pathlib import Path

from pyarrow import fs

from rlhp_ray.errors import ArchiveError, ClusterError, ConfigError
from rlhp_ray.experiment.archive_files import archive_errors
from rlhp_ray.experiment.link_files import restore_links
from rlhp_ray.experiment.storage_address import open_address, reason

_BYTES_AT_ONCE = 8 * 1024 * 1024
_KNOWN_BY = ("config.yaml", "sweep.yaml")


def fetch_results(address: str, into: Path) -> Path:
    """Bring a copied run or sweep into a directory; it appears there whole or not at all.

    Args:
        address: of the copy itself.
        into: the directory around it, made where it is missing.

    Returns:
        Its directory.

    Raises:
        ConfigError: not an address of storage, or no run or sweep is there.
        ArchiveError: something of its name is there already, or it cannot be written.
        ClusterError: the storage cannot be read.
    """
    filesystem, path = open_address("RUN|SWEEP", address)
    target = into / path.rpartition("/")[2]
    if os.path.lexists(target):
        raise ArchiveError(
            f"{target} exists and nothing is overwritten; expected no such directory, to bring {address} there. Go on "
            f"with what is there: rlhp resume {target}; or move it away, or choose another place with --into."
        )
    try:
        known = filesystem.get_file_info([f"{path}/{name}" for name in _KNOWN_BY])
    except OSError as error:
        raise _cannot_read(address, error) from error
    if all(found.type != fs.FileType.File for found in known):
        raise ConfigError(
            f"{address} holds neither a run nor a sweep; expected an address that --copy-to copied one to, with its "
            "name at the end: s3://BUCKET/PATH/NAME"
        )
    with archive_errors(into):
        into.mkdir(parents=True, exist_ok=True)
        partial = into / f".{target.name}.{secrets.token_hex(4)}.fetched"
        try:
            _fetch(filesystem, path, partial, address)
            restore_links(partial)
            partial.rename(target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return target


def _fetch(filesystem: fs.FileSystem, path: str, partial: Path, address: str) -> None:
    try:
        fs.copy_files(
            path,
            str(partial.absolute()),
            source_filesystem=filesystem,
            destination_filesystem=fs.LocalFileSystem(),
            chunk_size=_BYTES_AT_ONCE,
        )
    except OSError as error:
        raise _cannot_read(address, error) from error


def _cannot_read(address: str, error: OSError) -> ClusterError:
    return ClusterError(
        f"{address} cannot be fetched: {reason(error)}; expected storage that this machine may read, and room for it. "
        "Give the machine's role access, or free some."
    )
