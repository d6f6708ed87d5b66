"""Settings that Optuna proposes from what earlier ones came to, in place of settings drawn at once."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from rlhp_ray.errors import ConfigError
from rlhp_ray.seeding import derive_rng, derive_seed
from rlhp_ray.sweep.axes import Axis

MAX_ASKED = 20  # proposals for one setting, of which none was new and valid; then it is drawn at random
MAX_DRAWN = 2000

Setting = dict[str, Any]


@dataclass(frozen=True)
class Search:
    """What a search goes by; it is part of the sweep's file, so that a resumed sweep proposes what it would have.

    Args:
        axes: that are searched, all random.
        samples: settings in all.
        seeds: with which each setting is run; its value is the mean final true return over them.
        at_once: settings that are proposed together and run beside each other.
        draw_seed: of the sampler.
    """

    axes: tuple[Axis, ...]
    samples: int
    seeds: tuple[int, ...]
    at_once: int
    draw_seed: int

    def propose(
        self, told: Sequence[tuple[Setting, float | None]], is_valid: Callable[[Setting], bool]
    ) -> list[Setting]:
        """The next settings, by the tree-structured Parzen estimator (Bergstra et al. 2011) of Optuna.

        Its first ten settings are random. Equal arguments give equal settings.

        Args:
            told: every earlier setting, and what it came to; None where no seed of it got to its end.
            is_valid: whether a setting is a configuration that can be run; others are not proposed, nor any twice.

        Returns:
            `at_once` settings, or as many as are left of `samples`; none at the end.

        Raises:
            ConfigError: the space holds next to no further valid configuration.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        seed = derive_seed(self.draw_seed, "search", len(told))
        with warnings.catch_warnings(action="ignore", category=optuna.exceptions.ExperimentalWarning):
            sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=self.at_once > 1)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        distributions = {axis.key: _distribution(axis) for axis in self.axes}
        for setting, value in told:
            params = {axis.key: _encoded(axis, setting[axis.key]) for axis in self.axes}
            state = optuna.trial.TrialState.COMPLETE if value is not None else _failed()
            study.add_trial(
                optuna.trial.create_trial(state=state, params=params, distributions=distributions, value=value)
            )
        rng = derive_rng(self.draw_seed, "search", len(told))
        known = [setting for setting, _ in told]
        proposed: list[Setting] = []

        def is_wanted(setting: Setting) -> bool:
            return setting not in known and is_valid(setting)

        while len(proposed) < min(self.at_once, self.samples - len(told)):
            setting = self._ask(study, distributions, is_wanted) or self._draw(rng, is_wanted)
            proposed.append(setting)
            known.append(setting)
        return proposed

    def _ask(self, study: Any, distributions: dict[str, Any], is_wanted: Callable[[Setting], bool]) -> Setting | None:
        """A setting that Optuna proposes; None where it insists on others."""
        for _ in range(MAX_ASKED):
            trial = study.ask(distributions)
            setting = {axis.key: _decoded(axis, trial.params[axis.key]) for axis in self.axes}
            if is_wanted(setting):
                return setting
            study.tell(trial, state=_failed())
        return None

    def _draw(self, rng: np.random.Generator, is_wanted: Callable[[Setting], bool]) -> Setting:
        setting: Setting = {}
        for _ in range(MAX_DRAWN):
            setting = {axis.key: axis.draw(rng) for axis in self.axes}
            if is_wanted(setting):
                return setting
        raise ConfigError(
            f"of {MAX_DRAWN:,} settings that were drawn none is new and a valid configuration, the last with "
            f"{setting}; expected ranges whose values can be run"
        )


def num_settings(axes: Sequence[Axis]) -> float:
    """Different settings that random axes can give; infinite where one of them is continuous."""
    sizes = {"choice": len, "randint": lambda ends: ends[1] - ends[0]}
    return math.prod(sizes[axis.kind](axis.values) if axis.kind in sizes else math.inf for axis in axes)


def setting_value(returns: Sequence[float | None]) -> float | None:
    """What a setting came to: mean final true return over the seeds that got to their end, None where none did."""
    found = [value for value in returns if value is not None]
    return fmean(found) if found else None


def _failed() -> Any:
    from optuna.trial import TrialState

    return TrialState.FAIL


def _distribution(axis: Axis) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if axis.kind == "choice":
        return CategoricalDistribution(range(len(axis.values)))  # by place: choices may be lists
    low, high = axis.values
    if axis.kind == "randint":
        return IntDistribution(low, high - 1)
    return FloatDistribution(low, high, log=axis.kind == "loguniform")


def _encoded(axis: Axis, value: Any) -> Any:
    return axis.values.index(value) if axis.kind == "choice" else value


def _decoded(axis: Axis, value: Any) -> Any:
    return axis.values[value] if axis.kind == "choice" else value
