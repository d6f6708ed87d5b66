"""What a configuration amounts to: iterations, clips and labels, counted before the run."""

from dataclasses import dataclass
from typing import Any

from rlhp_ray.clips.initial_rollouts import initial_env_steps
from rlhp_ray.config.memory_checks import batch_env_steps
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs.registry import EnvDescription
from rlhp_ray.policy.ppo_defaults import PPO_DEFAULTS
from rlhp_ray.preferences.label_schedule import LabelSchedule
from rlhp_ray.preferences.schedule_choice import label_schedule
from rlhp_ray.reward.run_env import horizon_env_steps


@dataclass(frozen=True, eq=False)
class RunPlan:
    """Figures that follow from a configuration.

    Args:
        batch_env_steps: env steps in one training iteration.
        copies: sub-environments over all env runners.
        horizon: env steps of the fixed-length episodes that hide ends, or None.
        schedule: when queries are asked.
        initial_env_steps: for which the untrained policy is rolled out.
        updates: training iterations after these.
        rounds: of fitting after the first, at most.
        interval_env_steps: from one checkpoint to the next.
    """

    batch_env_steps: int
    copies: int
    horizon: int | None
    schedule: LabelSchedule
    initial_env_steps: int
    updates: int
    rounds: int
    interval_env_steps: int

    @classmethod
    def of(cls, config: RunConfig, description: EnvDescription) -> "RunPlan":
        """The plan of a validated configuration. Raises TeacherError where its own label schedule cannot be used."""
        learners = config.training.rllib.get("num_learners")
        batch = max(1, batch_env_steps(config)) * (max(1, learners) if isinstance(learners, int) else 1)
        schedule = label_schedule(config, batch)
        initial = initial_env_steps(config, schedule.initial_labels, batch) if asks(config) else 0
        updates = max(0, -(-(config.training.env_steps - initial) // batch))
        interval = config.training.checkpoint_interval_env_steps or config.training.env_steps // 10
        return cls(
            batch_env_steps=batch,
            copies=config.env.num_envs * max(1, config.env.num_env_runners),
            horizon=horizon_env_steps(config, description),
            schedule=schedule,
            initial_env_steps=initial,
            updates=updates,
            rounds=max(0, updates - 2),
            interval_env_steps=max(1, round(interval / batch)) * batch,
        )


def asks(config: RunConfig) -> bool:
    """Whether the run asks any query."""
    return config.reward_source == "preferences" and config.preferences.labels > 0


def setting(config: RunConfig, name: str) -> Any:
    """A setting of RLlib's, as the run sets it; None where RLlib's own default holds."""
    return config.training.rllib.get(name, PPO_DEFAULTS.get(name))
