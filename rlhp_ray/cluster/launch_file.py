"""How a cluster was launched: the file that `ray up` leaves on its head."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

BOOTSTRAP_FILE = "~/ray_bootstrap_config.yaml"
OUR_RESOURCE = "rlhp_cluster"  # that the heads of the files in cluster/ offer


@dataclass(frozen=True)
class Launch:
    """A cluster of `ray up`, seen from its head.

    Args:
        file: that it was launched from, as `ray up` completed it.
        provider: `local`, `aws`, `gcp` ...
        min_workers: that it starts with, and keeps.
    """

    file: Path
    provider: str
    min_workers: int


def read_launch(file: str = BOOTSTRAP_FILE) -> Launch | None:
    """The launch of the cluster that this machine is the head of; None where there is no such file here."""
    path = Path(file).expanduser()
    try:
        config: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        kinds = config["available_node_types"].values()
        return Launch(path, config["provider"]["type"], sum(kind.get("min_workers", 0) for kind in kinds))
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        return None
