"""The files of a run directory: claimed for one run, written whole or not at all, read with errors that say what to do.

Functions that write raise OSError, unless they say otherwise; `archive_errors` turns it into an ArchiveError.
"""

import contextlib
import math
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rlhp_ray.errors import ArchiveError, ConfigError

MIN_FREE_BYTES = 200 * 10**6
"""Free disk space without which no run is begun, in bytes."""
PROBE_BYTES = 10**5
"""What is written to see whether a disk is full: as much as an iteration or two add to a run."""


def plain_name(name: str) -> str:
    """`name` if it can be the name of a directory; `ConfigError` if not."""
    if name != name.strip() or name in ("", ".", "..") or re.search(r"[/\\\x00-\x1f]", name):
        raise ConfigError(
            f"name={name!r} is not a plain directory name. Use output_dir for the place, name for the run."
        )
    return name


def require_disk_space(directory: Path) -> None:
    """Raises `ArchiveError` where the disk of `directory`, which need not exist yet, has too little room."""
    existing = next(folder for folder in (directory, *directory.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if free < MIN_FREE_BYTES:
        raise ArchiveError(
            f"No disk space for the run: {existing} has {free / 1e6:,.0f} MB free, "
            f"at least {MIN_FREE_BYTES / 1e6:,.0f} MB are needed. Free some, or set output_dir to another disk."
        )


def make_run_directory(output_dir: Path, stem: str, *, unique: bool) -> Path:
    """Claims the directory in one step, so that two runs started at once never share one.

    Raises:
        ConfigError: `stem` is taken, and was not to be made unique.
        ArchiveError: no free name was found.
    """
    for _ in range(20):
        directory = output_dir / (f"{stem}-{secrets.token_hex(3)}" if unique else stem)
        try:
            directory.mkdir()
        except FileExistsError as error:
            if not unique:
                raise ConfigError(
                    f"The run directory {directory} exists and is left alone. "
                    f"Choose another name=, drop it to get a unique one, or continue it: rlhp resume {directory}"
                ) from error
        else:
            return directory
    raise ArchiveError(f"No free name was found for a run {stem}-?????? in {output_dir}.")


def cannot_write(path: Path, error: OSError) -> ArchiveError:
    """The error to raise where writing `path` failed."""
    return ArchiveError(
        f"Cannot write the run archive at {error.filename or path}: {error.strerror or error}. "
        "Check permissions and free space, or set output_dir to another place."
    )


@contextlib.contextmanager
def archive_errors(path: Path) -> Iterator[None]:
    """While the context lasts, an OSError becomes an ArchiveError about `path`."""
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error


def write_durably(path: Path, text: str) -> None:
    """The file holds either its old content or all of the new one, whenever the power fails."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(text.encode(errors="backslashreplace"))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def probe_storage(directory: Path) -> None:
    """Raises ArchiveError where nothing more can be written into a directory."""
    probe = directory / ".probe"
    with archive_errors(directory):
        try:
            write_durably(probe, " " * PROBE_BYTES)
        finally:
            probe.unlink(missing_ok=True)


def read_text(path: Path) -> str:
    """The text of a file; `ArchiveError` if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArchiveError(f"Cannot read {path}: {error}") from error


def as_json(value: Any) -> Any:
    """`value` as JSON can hold it: paths as text, NumPy scalars as numbers, numbers that are not finite as null."""
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item"):  # a NumPy scalar
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
