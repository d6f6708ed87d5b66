"""Whose cluster may be ended, and what is read of how it was launched."""

from pathlib import Path

import pytest
import ray

from rlhp_ray.cluster.launch_file import Launch, read_launch
from rlhp_ray.cluster.takedown import require_our_cluster
from rlhp_ray.errors import ClusterError


def test_the_file_that_ray_up_leaves_is_read(tmp_path: Path) -> None:
    file = tmp_path / "bootstrap.yaml"
    file.write_text(
        "max_workers: 3\n"
        "provider: {type: aws}\n"
        "available_node_types:\n"
        "  head: {resources: {CPU: 2}, max_workers: 0}\n"
        "  cpu: {resources: {CPU: 8}, min_workers: 2, max_workers: 4}\n"
        "  gpu: {resources: {CPU: 4, GPU: 1}, min_workers: 1, max_workers: 1}\n"
        "  unknown: {resources: {}, max_workers: 2}\n"
    )
    addable = (({"CPU": 8}, 3), ({"CPU": 4, "GPU": 1}, 1))
    assert read_launch(str(file)) == Launch(file, "aws", min_workers=3, addable=addable)


@pytest.mark.parametrize("text", ["", "[]", "{", "provider: {type: aws}", "available_node_types: 3"])
def test_what_is_no_such_file_is_no_launch(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bootstrap.yaml"
    assert read_launch(str(file)) is None
    file.write_text(text)
    assert read_launch(str(file)) is None


def test_a_cluster_that_we_did_not_launch_is_left_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launch = Launch(tmp_path / "bootstrap.yaml", "local", min_workers=0)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 2.0})
    for theirs in (launch, None):
        with pytest.raises(ClusterError, match="was not launched by `ray up`"):
            require_our_cluster(theirs, tmp_path, is_copied=True)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 2.0, "rlhp_cluster": 1.0})
    assert require_our_cluster(launch, tmp_path, is_copied=False) is launch
    with pytest.raises(ClusterError, match="was not launched by `ray up`"):
        require_our_cluster(None, tmp_path, is_copied=True)


def test_results_that_would_go_with_the_head_keep_it_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"rlhp_cluster": 1.0})
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    launch = Launch(tmp_path / "bootstrap.yaml", "aws", min_workers=0)
    with pytest.raises(ClusterError, match="is on the head's own disk"):
        require_our_cluster(launch, tmp_path, is_copied=False)
    assert require_our_cluster(launch, tmp_path, is_copied=True) is launch
