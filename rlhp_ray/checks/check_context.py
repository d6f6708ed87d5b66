"""All that a check may look at: the configuration and what it amounts to, machine, archive, and a short rollout."""

from dataclasses import dataclass
from pathlib import Path

from rlhp_ray.checks.earlier_runs import EarlierRun, earlier_runs
from rlhp_ray.checks.machine import Machine, this_machine
from rlhp_ray.checks.run_plan import RunPlan
from rlhp_ray.checks.teacher_trial import TeacherTrial, try_teacher
from rlhp_ray.checks.untrained_rollout import MAX_COPIES, UntrainedRollout, roll_out_untrained
from rlhp_ray.config.price_table import PriceTable, read_prices
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs.registry import EnvDescription


@dataclass(frozen=True)
class TimeLimits:
    """What bounds the look at an environment.

    Args:
        rollout: seconds.
        teacher: seconds.
        games: copies of an Atari game, each of which takes a tenth of a second to make, and another to reset.
    """

    rollout: float
    teacher: float
    games: int = MAX_COPIES


@dataclass(frozen=True, eq=False)
class CheckContext:
    """What checks look at.

    Args:
        config: of the run, validated.
        description: of the environment.
        command: words of `rlhp train` that start the run: CONFIG and overrides.
        plan: what the configuration amounts to.
        machine: to run on.
        earlier: finished runs in the same environment.
        prices: that the run will be billed by; None where there are none.
        rollout: of the untrained policy.
        teacher: tried on the rollout's clips.
    """

    config: RunConfig
    description: EnvDescription
    command: tuple[str, ...]
    plan: RunPlan
    machine: Machine
    earlier: tuple[EarlierRun, ...]
    prices: PriceTable | None
    rollout: UntrainedRollout
    teacher: TeacherTrial

    @property
    def learns_preferences(self) -> bool:
        """Whether the policy is trained on a reward that preferences give."""
        return self.config.reward_source == "preferences"


def look_around(
    config: RunConfig, description: EnvDescription, command: tuple[str, ...], limits: TimeLimits
) -> CheckContext:
    """Gather everything.

    Raises:
        ConfigError: the prices cannot be used.
        CheckpointError: what the run is to start from cannot be read or does not fit.
        RewardNetworkError: a reward network of the user's cannot be used.
        TeacherError: a label schedule of the user's cannot be used.
    """
    output_dir = Path(config.output_dir)
    prices = read_prices(output_dir)
    copies = MAX_COPIES if description.has_score_mask is None else limits.games
    rollout = roll_out_untrained(config, description, limits.rollout, copies)
    return CheckContext(
        config=config,
        description=description,
        command=command,
        plan=RunPlan.of(config, description),
        machine=this_machine(output_dir),
        earlier=earlier_runs(output_dir, config.env.id),
        prices=prices,
        rollout=rollout,
        teacher=try_teacher(config, rollout.clips, limits.teacher),
    )
