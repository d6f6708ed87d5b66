"""Files and directories that appear whole or not at all, and never in the place of others."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from rlhp_ray.errors import ConfigError, PreferenceStoreError


def require_free(path: Path, *, empty_directory_allowed: bool = False) -> None:
    """Raise ConfigError where something stands at `path` already, or nothing can be put there."""
    if not path.parent.is_dir():
        raise ConfigError(f"got {str(path)!r}, expected a name in a directory that exists; make {path.parent}")
    if not os.path.lexists(path):
        return
    if empty_directory_allowed and path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
        return
    raise ConfigError(f"{str(path)!r} exists and nothing is overwritten; expected a new name; choose another")


@contextlib.contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """A temporary directory beside `path` that takes its place when all went well, and is removed when not.

    Raises:
        ConfigError: `path` exists and is no empty directory.
        PreferenceStoreError: it cannot be written.
    """
    path = _absolute(path)
    require_free(path, empty_directory_allowed=True)
    with _temporary_beside(path) as temporary:
        yield temporary
        for file in temporary.iterdir():
            _sync(file)
        _sync(temporary)
        temporary.rename(path)  # fails where another process has put files there meanwhile
        _sync(path.parent)


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A temporary path for a file, in a directory of its own, that takes the place of `path` when all went well.

    Raises:
        ConfigError: `path` exists.
        PreferenceStoreError: it cannot be written.
    """
    path = _absolute(path)
    require_free(path)
    with _temporary_beside(path) as temporary:
        yield temporary / path.name
        _sync(temporary / path.name)
        os.link(temporary / path.name, path)  # unlike a renaming, it fails where a file has appeared meanwhile
        _sync(path.parent)


@contextlib.contextmanager
def _temporary_beside(path: Path) -> Iterator[Path]:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        temporary.mkdir()
        yield temporary
    except OSError as error:
        raise PreferenceStoreError(
            f"{path} cannot be written ({error.strerror or error}) and nothing was left there. Check permissions and "
            "free space, or choose another place."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)  # gone already where it was renamed


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
