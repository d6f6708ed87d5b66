"""What `--address` may be, and the address that it means."""

import os
import re
from pathlib import Path

from rlhp_ray.errors import ClusterError, ConfigError

CURRENT_CLUSTER_FILE = "ray/ray_current_cluster"  # below the folder for temporary files; `ray start` writes it
_HOST_PORT = re.compile(r"[\w.-]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}")


def check_address(address: str) -> str:
    """`auto` or `host:port`, as it was given.

    Raises:
        ConfigError: it is neither. Ray Client (`ray://`) is refused: the driver of a sweep writes the archive, and
            would be cut off from both when the connection breaks.
    """
    if address.startswith("ray://"):
        raise ConfigError(
            f"--address: got {address!r}, a connection that ends a sweep when it breaks; expected auto or host:port on "
            "a node of the cluster. From outside use --submit http://127.0.0.1:8265, through `ray dashboard`."
        )
    if address != "auto" and not _HOST_PORT.fullmatch(address):
        raise ConfigError(f"--address: got {address!r}; expected auto, or host:port such as 10.0.0.1:6379")
    return address


def cluster_address(address: str) -> str:
    """The `host:port` that a checked address means; `auto` is `RAY_ADDRESS`, or the cluster this machine is a node of.

    Raises:
        ClusterError: `auto`, and this machine is in no cluster.
    """
    if address != "auto":
        return address
    told = os.environ.get("RAY_ADDRESS", "")
    if told and told != "auto":
        return check_address(told)
    file = Path(os.environ.get("RAY_TMPDIR") or "/tmp") / CURRENT_CLUSTER_FILE
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ClusterError(
            "--address auto: this machine is no node of a running cluster; expected one that `ray up` or `ray start` "
            "made. Run the command on the cluster's head, or use --submit from outside."
        ) from error
