"""Addresses of storage that outlives a machine: whatever pyarrow's filesystems know by one."""

import contextlib
import secrets
import shutil
from typing import BinaryIO
from urllib.parse import urlsplit, urlunsplit

from pyarrow import ArrowInvalid, fs

from rlhp_ray.errors import ClusterError, ConfigError

SCHEMES = ("s3", "gs", "file")
EXPECTED = "s3://BUCKET/PATH, gs://BUCKET/PATH or file:///PATH"
_BYTES_AT_ONCE = 8 * 1024 * 1024


def open_address(option: str, address: str) -> tuple[fs.FileSystem, str]:
    """The filesystem of an address, and the path there.

    Args:
        option: of the command line, that errors name.
        address: as it was typed.

    Raises:
        ConfigError: not an address of storage.
    """
    if address.partition("://")[0] not in SCHEMES:
        raise ConfigError(f"{option}: got {address!r}; expected {EXPECTED}")
    try:
        filesystem, path = fs.FileSystem.from_uri(_with_one_request(address))
    except (ArrowInvalid, OSError) as error:
        raise ConfigError(f"{option}: got {address!r}: {reason(error)}; expected {EXPECTED}") from error
    return filesystem, path.rstrip("/")


def address_below(address: str, name: str) -> str:
    """The address of something within; options of the storage, behind a question mark, stay behind it."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{name}"))


def address_around(address: str) -> str:
    """The address of what something is in."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/").rpartition("/")[0]))


def check_destination(option: str, address: str) -> None:
    """Write and delete a small file there.

    Raises:
        ConfigError: not an address of storage.
        ClusterError: it cannot be written.
    """
    filesystem, path = open_address(option, address)
    probe = f"{path}/.rlhp-probe-{secrets.token_hex(4)}"
    try:
        filesystem.create_dir(path)
        with filesystem.open_output_stream(probe) as file:
            file.write(b"rlhp")
        filesystem.delete_file(probe)
    except OSError as error:
        raise ClusterError(
            f"{option}: {address} cannot be written: {reason(error)}; expected a bucket that exists and that this "
            "machine may write to. Make it, or give the machine's role access."
        ) from error


def put_whole(filesystem: fs.FileSystem, content: BinaryIO, path: str, partial: str) -> None:
    """Write a file that appears whole or not at all.

    A bucket shows an object when it is closed, and not before; a local filesystem what is moved to its place.

    Args:
        filesystem: of both paths.
        content: of the file.
        path: of the file; an earlier one is replaced.
        partial: where it is kept meanwhile, on a local filesystem.

    Raises:
        OSError: it cannot be written, or `content` not be read.
    """
    is_local = isinstance(filesystem, fs.LocalFileSystem)
    written = partial if is_local else path
    if is_local:
        filesystem.create_dir(path.rpartition("/")[0])
        filesystem.create_dir(partial.rpartition("/")[0])
    try:
        with filesystem.open_output_stream(written) as file:
            shutil.copyfileobj(content, file, _BYTES_AT_ONCE)
    except OSError:
        with contextlib.suppress(OSError):  # closing it has shown what there was of it
            filesystem.delete_file(written)
        raise
    if is_local:
        filesystem.move(partial, path)


def _with_one_request(address: str) -> str:
    """With the option that a small file is put into a bucket of S3 by one request in the place of three."""
    parts = urlsplit(address)
    if parts.scheme != "s3" or "allow_delayed_open" in parts.query:
        return address
    options = [parts.query] if parts.query else []
    return urlunsplit(parts._replace(query="&".join([*options, "allow_delayed_open=true"])))


def reason(error: BaseException) -> str:
    """The text of an error, as one line."""
    return " ".join(str(error).split())[:300]
