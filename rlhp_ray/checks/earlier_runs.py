"""What the archive says of earlier runs in the same environment."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlhp_ray.errors import ArchiveError
from rlhp_ray.experiment.run_archive import RunArchive
from rlhp_ray.experiment.summary import RunStatus


@dataclass(frozen=True)
class EarlierRun:
    """A run that was carried to its end; the fields are those of its `summary.json`, 0 where it has none."""

    name: str
    on_true_reward: bool
    env_steps: int
    wall_seconds: float
    cpu_hours: float
    gpu_hours: float
    peak_memory_mb: float
    bytes_on_disk: float
    true_return_mean: float | None


def earlier_runs(output_dir: Path, env_id: str) -> tuple[EarlierRun, ...]:
    """The finished runs in `output_dir` that were about this environment; damaged ones are passed over."""
    found = (_read(path.parent, env_id) for path in sorted(output_dir.glob("*/summary.json")))
    return tuple(run for run in found if run is not None)


def _read(directory: Path, env_id: str) -> EarlierRun | None:
    try:
        summary = RunArchive(directory).read_summary()
    except ArchiveError:
        return None
    if summary is None or (summary.get("env"), summary.get("status")) != (env_id, RunStatus.DONE.value):
        return None
    steps = _number(summary, "env_steps")
    if steps <= 0:
        return None
    result = summary.get("true_return_mean")
    return EarlierRun(
        name=directory.name,
        on_true_reward=summary.get("reward_source") == "true_reward",
        env_steps=int(steps),
        wall_seconds=_number(summary, "wall_seconds"),
        cpu_hours=_number(summary, "cpu_hours"),
        gpu_hours=_number(summary, "gpu_hours"),
        peak_memory_mb=_number(summary, "peak_memory_mb"),
        bytes_on_disk=_number(summary, "bytes_on_disk"),
        true_return_mean=float(result) if isinstance(result, int | float) else None,
    )


def _number(summary: dict[str, Any], key: str) -> float:
    value = summary.get(key)
    return float(value) if isinstance(value, int | float) else 0.0
