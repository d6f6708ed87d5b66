"""`summary.json`: the result of a run in one object (keys: the contract with the outside)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from rlhp_ray import metric_keys as keys
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.experiment.run_archive import RunArchive
from rlhp_ray.experiment.run_cost import Cost
from rlhp_ray.health.monitor import HealthMonitor


class RunStatus(StrEnum):
    """How a run ended."""

    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    STOPPED = "stopped"  # early, by the scheduler of a sweep


def build_summary(
    config: RunConfig,
    archive: RunArchive,
    status: RunStatus,
    metrics: dict[str, Any],
    wall_seconds: float,
    cost: Cost,
    failures: Mapping[str, Any],
    health: HealthMonitor | None,
) -> dict[str, Any]:
    """The summary from the last metrics; figures are about the last policy, never the best checkpoint.

    `failures` are those of all sessions, by kind (`failure_record`). `health` is None where no iteration was finished.
    """
    last = archive.checkpoints_dir / "last"
    return {
        "env": config.env.id,
        "algorithm": config.training.algorithm,
        "seed": config.seed,
        "mode": config.mode,
        "reward_source": config.reward_source,
        "env_steps": metrics.get(keys.ENV_STEPS, 0),
        "labels": metrics.get(keys.LABELS, 0),
        "labels_loaded": metrics.get(keys.LABELS_LOADED, 0),
        "queries": metrics.get(keys.QUERIES, 0),
        "true_return_mean": metrics.get(keys.EVALUATION_RETURN),
        "true_return_std": metrics.get(keys.EVALUATION_RETURN_STD),
        "eval_episodes": metrics.get(keys.EVALUATION_EPISODES),
        "reward_validation_accuracy": metrics.get(keys.REWARD_VALIDATION_ACCURACY),
        "reward_true_correlation": metrics.get(keys.REWARD_TRUE_CORRELATION),
        "wall_seconds": wall_seconds,
        "train_seconds": metrics.get(keys.TRAIN_SECONDS, 0.0),
        "env_steps_per_second": metrics.get(keys.ENV_STEPS_PER_SECOND),
        "waiting_seconds": metrics.get(keys.TIME_WAITING, 0.0),
        **cost.to_summary(),
        "failures": dict(failures),
        "health": health.standing if health is not None else [],
        "health_ever": health.ever if health is not None else [],
        "status": status.value,
        "checkpoint": "checkpoints/last" if last.exists() else None,
    }
