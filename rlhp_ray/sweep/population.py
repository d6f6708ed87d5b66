"""Population based training: trials that fall behind go on from a better one's checkpoint, its values perturbed."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial
from ray.tune.schedulers import PopulationBasedTraining

from rlhp_ray import metric_keys as keys
from rlhp_ray.errors import ArchiveError
from rlhp_ray.experiment.archive_files import archive_errors
from rlhp_ray.sweep.axes import Axis
from rlhp_ray.sweep.perturbed_axes import rllib_name

PERTURBATIONS_FILE = "perturbations.jsonl"  # in the directory of a run
INTERVAL_SHARE = 0.1  # of the env steps, between two looks at the population


@dataclass(frozen=True)
class Perturbation:
    """What a trial took over.

    Args:
        env_steps: age of the policy that it goes on with.
        donor: name of the trial whose checkpoint that is.
        values: of the perturbed keys from then on.
    """

    env_steps: int
    donor: str
    values: dict[str, Any]

    def append_to(self, run: Path) -> None:
        """Write it into the run's directory."""
        path = run / PERTURBATIONS_FILE
        with archive_errors(path), path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(self)) + "\n")

    @classmethod
    def last_of(cls, run: Path) -> "Perturbation | None":
        """The newest of a run, or None. Raises ArchiveError where the file is damaged."""
        path = run / PERTURBATIONS_FILE
        if not path.exists():
            return None
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8").splitlines()[-1]))
        except (OSError, ValueError, TypeError, IndexError) as error:
            raise ArchiveError(
                f"{path} is damaged ({error}); expected a line of JSON for every time that the trial took over "
                "another one's checkpoint. Remove its last line, then go on."
            ) from error


class PopulationScheduler(PopulationBasedTraining):
    """Ray's, in which a trial keeps all of its own configuration but the perturbed values.

    Args:
        axes: what is perturbed, each within its own values.
        longest: env steps of the longest trial.
        took_over: is told of every trial that goes on from another one's checkpoint, by its name.
    """

    def __init__(self, axes: tuple[Axis, ...], longest: int, took_over: Callable[[str, Perturbation], None]) -> None:
        super().__init__(
            time_attr=f"{keys.METRICS}/{keys.ENV_STEPS}",
            metric=f"{keys.METRICS}/{keys.TRUE_RETURN}",
            mode="max",
            perturbation_interval=max(1, round(INTERVAL_SHARE * longest)),
            hyperparam_mutations={rllib_name(axis): _space(axis) for axis in axes},
            log_config=False,
            require_attrs=False,  # an iteration in which no episode ends has no return
        )
        self._axes, self._took_over = axes, took_over

    def _get_new_config(self, trial: Trial, trial_to_clone: Trial) -> tuple[dict, dict]:
        """Ray's would take over the donor's directories and seed, too."""
        explored, operations = super()._get_new_config(trial, trial_to_clone)
        values = {axis.key: _within(axis, explored[rllib_name(axis)]) for axis in self._axes}
        env_steps = int(self._trial_state[trial_to_clone].last_train_time)
        self._took_over(str(trial), Perturbation(env_steps, str(trial_to_clone), values))
        return {**trial.config, **{rllib_name(axis): values[axis.key] for axis in self._axes}}, operations


def _space(axis: Axis) -> Any:
    """As Ray draws from it."""
    if axis.kind == "choice":
        return list(axis.values)
    return getattr(tune, axis.kind)(*axis.values)


def _within(axis: Axis, value: Any) -> Any:
    """Ray perturbs by a fifth up or down, beyond the ends of a distribution as well."""
    if axis.kind == "choice":
        return value
    low, high = axis.values
    return min(max(value, low), high - 1 if axis.kind == "randint" else high)
