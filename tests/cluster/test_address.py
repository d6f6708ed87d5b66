"""What `--address` may be, and what `auto` finds."""

from pathlib import Path

import pytest

from rlhp_ray.cluster.address import check_address, cluster_address
from rlhp_ray.errors import ClusterError, ConfigError


@pytest.mark.parametrize("address", ["auto", "10.0.0.1:6379", "head.local:6379", "[fe80::1]:6379"])
def test_an_address_is_auto_or_host_and_port(address: str) -> None:
    assert check_address(address) == address


@pytest.mark.parametrize("address", ["", "head", "10.0.0.1", "http://127.0.0.1:8265", "local", "10.0.0.1:port"])
def test_anything_else_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="expected auto, or host:port"):
        check_address(address)


def test_ray_client_is_refused_with_what_to_use_instead() -> None:
    with pytest.raises(ConfigError, match="use --submit"):
        check_address("ray://10.0.0.1:10001")


def test_auto_is_what_ray_start_left_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    with pytest.raises(ClusterError, match="no node of a running cluster"):
        cluster_address("auto")
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text("10.0.0.1:6379\n")
    assert cluster_address("auto") == "10.0.0.1:6379"
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.2:6379")
    assert cluster_address("auto") == "10.0.0.2:6379"
    assert cluster_address("10.0.0.3:6379") == "10.0.0.3:6379"
