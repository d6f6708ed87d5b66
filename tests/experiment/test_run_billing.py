"""What a run is billed: by the prices of its start, and for the GPUs that Ray reserved."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from rlhp_ray import metric_keys as keys
from rlhp_ray.config.loading import dump_config, load_config
from rlhp_ray.config.price_table import PriceTable
from rlhp_ray.experiment.run_archive import RunArchive
from rlhp_ray.experiment.run_recorder import RunRecorder
from rlhp_ray.experiment.summary import RunStatus

HALF_AN_HOUR = 1800.0


def finished(archive: RunArchive, gpus: float = 0.0) -> dict:
    """The summary of a run of one iteration: half an hour, an hour of processors."""
    config = load_config("moving_dot")
    recorder = RunRecorder(archive, config, {"type": "Discrete", "n": 5}, None, lambda: HALF_AN_HOUR)
    trial = SimpleNamespace(placement_group_factory=SimpleNamespace(required_resources={"CPU": 2.0, "GPU": gpus}))
    metrics = {keys.ITERATION: 1, keys.ENV_STEPS: 100, keys.CPU_SECONDS: 3600.0, keys.MEMORY: 900.0, keys.WRITTEN: 2.0}
    recorder.on_trial_result(1, [], trial, {keys.METRICS: metrics, keys.DIAGNOSTICS: None})
    return recorder.close(RunStatus.DONE)


@pytest.fixture
def archive(tmp_path: Path) -> RunArchive:
    prices = PriceTable(currency="EUR", cpu_hour=0.5, gpu_hour=2.0)
    text = dump_config(load_config("moving_dot"))
    return RunArchive.create(tmp_path, "run", "x", text, "rlhp train moving_dot", None, None, prices)


def test_prices_of_later_do_not_count(archive: RunArchive, tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text("currency: USD\ncpu_hour: 100\n")
    summary = finished(archive)
    assert (summary["cpu_hours"], summary["cost"], summary["currency"]) == (1.0, 0.5, "EUR")
    assert archive.read_summary() == summary


def test_reserved_gpus_cost_all_of_the_time(archive: RunArchive) -> None:
    summary = finished(archive, gpus=3.0)
    assert summary["gpu_hours"] == 1.5
    assert summary["cost"] == 1.0 * 0.5 + 1.5 * 2.0


def test_memory_and_bytes_are_recorded(archive: RunArchive) -> None:
    summary = finished(archive)
    assert (summary["peak_memory_mb"], summary["bytes_written"]) == (900.0, 2_000_000)
    files = sum(path.stat().st_size for path in archive.directory.rglob("*") if path.is_file())
    assert 0 < summary["bytes_on_disk"] <= files, "the summary itself came after"
