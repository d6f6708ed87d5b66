"""Results copied to object storage, so that they outlive the cluster: any address that pyarrow's filesystems know."""

import secrets
from pathlib import Path

from pyarrow import ArrowInvalid, fs

from rlhp_ray.errors import ClusterError, ConfigError

SCHEMES = ("s3", "gs", "file")
_BYTES_AT_ONCE = 8 * 1024 * 1024


def check_destination(uri: str) -> None:
    """Write and delete a small file there.

    Raises:
        ConfigError: not an address of object storage.
        ClusterError: it cannot be written.
    """
    filesystem, path = _open(uri)
    probe = f"{path}/.rlhp-probe-{secrets.token_hex(4)}"
    try:
        filesystem.create_dir(path)
        with filesystem.open_output_stream(probe) as file:
            file.write(b"rlhp")
        filesystem.delete_file(probe)
    except OSError as error:
        raise ClusterError(
            f"--copy-to: {uri} cannot be written: {_reason(error)}; expected a bucket that exists and that this "
            "machine may write to. Make it, or give the machine's role access."
        ) from error


def copy_results(directory: Path, uri: str) -> str:
    """Copy a sweep's directory below an address; what is there of an earlier copy is replaced.

    Links to checkpoints are followed: object storage has none.

    Returns:
        The address of the copy.

    Raises:
        ClusterError: a file cannot be written.
    """
    filesystem, path = _open(uri)
    target = f"{path}/{directory.name}"
    try:
        fs.copy_files(
            str(directory),
            target,
            source_filesystem=fs.LocalFileSystem(),
            destination_filesystem=filesystem,
            chunk_size=_BYTES_AT_ONCE,
        )
    except OSError as error:
        raise ClusterError(
            f"{directory} was not copied to {uri}: {_reason(error)}; it is whole where it is. Copy it by hand, for "
            f"example with `aws s3 cp --recursive` or `gcloud storage cp --recursive`."
        ) from error
    return f"{uri.rstrip('/')}/{directory.name}"


def _open(uri: str) -> tuple[fs.FileSystem, str]:
    if uri.partition("://")[0] not in SCHEMES:
        raise ConfigError(f"--copy-to: got {uri!r}; expected s3://BUCKET/PATH, gs://BUCKET/PATH or file:///PATH")
    try:
        filesystem, path = fs.FileSystem.from_uri(uri)
    except (ArrowInvalid, OSError) as error:
        raise ConfigError(f"--copy-to: got {uri!r}: {_reason(error)}; expected s3://BUCKET/PATH") from error
    return filesystem, path.rstrip("/")


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
