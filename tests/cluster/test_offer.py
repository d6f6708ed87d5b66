"""Whether trials can ever be placed on what a cluster has and may add."""

from pathlib import Path

import pytest

from rlhp_ray.cluster import offer as module
from rlhp_ray.cluster.launch_file import Launch
from rlhp_ray.cluster.offer import Offer, await_launch, require_room, unmet
from rlhp_ray.errors import ClusterError

HEAD = {"memory": 1e9, "node:__internal_head__": 1.0}
WORKER = {"CPU": 2.0, "memory": 1e9}
GPU_WORKER = {"CPU": 4.0, "GPU": 1.0}


def test_bundles_lie_on_different_nodes_but_none_is_split() -> None:
    two = Offer((HEAD, WORKER, WORKER))
    assert unmet([{"CPU": 2}, {"CPU": 1}, {"CPU": 1}], two) is None
    assert unmet([{"CPU": 3}], two) == "CPU"
    assert unmet([{"CPU": 2}, {"CPU": 2}, {"CPU": 0.5}], two) == "CPU"
    assert unmet([{"CPU": 1.5}, {"CPU": 0.5}, {"CPU": 1.5}], two) is None


def test_nodes_that_may_be_added_count_but_no_more_of_them_than_may() -> None:
    growing = Offer((HEAD,), ((WORKER, 2),))
    assert unmet([{"CPU": 2}, {"CPU": 2}], growing) is None
    assert unmet([{"CPU": 2}] * 3, growing) == "CPU"
    assert growing.cpus == 4


def test_the_resource_that_is_missing_is_named() -> None:
    assert unmet([{"CPU": 1, "GPU": 1}], Offer((HEAD, WORKER))) == "GPU"
    assert unmet([{"CPU": 1, "GPU": 1}], Offer((HEAD, WORKER), ((GPU_WORKER, 1),))) is None
    with pytest.raises(ClusterError, match=r"trial seed1 needs 1 GPU .* the most of a node is 0"):
        require_room({"seed0": [{"CPU": 1}], "seed1": [{"GPU": 1}]}, Offer((HEAD, WORKER)))


def test_a_cluster_without_nodes_holds_nothing() -> None:
    assert unmet([{"CPU": 1}], Offer(())) == "CPU"


def test_nodes_of_the_launch_are_waited_for_and_their_lack_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = iter([1, 2, 3])
    monkeypatch.setattr(module, "_num_alive", lambda: next(counts))
    monkeypatch.setattr(module, "_POLL_SECONDS", 0.0)
    said: list[str] = []
    launch = Launch(tmp_path / "launch.yaml", "local", min_workers=2)
    await_launch(launch, said.append)
    assert said == ["1 of 3 nodes are up; waiting for the others"]
    monkeypatch.setattr(module, "_num_alive", lambda: 2)
    await_launch(launch, said.append, limit_seconds=0.0)
    assert said[-1].startswith("warning: only 2 of 3 nodes joined")
    await_launch(None, said.append)
    assert len(said) == 2
