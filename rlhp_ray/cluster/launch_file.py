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
        addable: resources of each kind of worker whose resources are known, and how many of it there may be.
    """

    file: Path
    provider: str
    min_workers: int
    addable: tuple[tuple[dict[str, float], int], ...] = ()


def read_launch(file: str = BOOTSTRAP_FILE) -> Launch | None:
    """The launch of the cluster that this machine is the head of; None where there is no such file here."""
    path = Path(file).expanduser()
    try:
        config: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        provider, kinds = config["provider"]["type"], config["available_node_types"].values()
        at_most = config.get("max_workers", 0)
        addable = ((kind.get("resources", {}), min(kind.get("max_workers", at_most), at_most)) for kind in kinds)
        min_workers = sum(kind.get("min_workers", 0) for kind in kinds)
        return Launch(path, provider, min_workers, tuple(each for each in addable if all(each)))
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        return None
