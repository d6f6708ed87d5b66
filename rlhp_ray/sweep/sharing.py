"""What the trials of a sweep with `scope: sweep` have in common, and what may differ."""

from collections.abc import Sequence

from rlhp_ray.config.error_text import join_lines
from rlhp_ray.config.schema import PEOPLE, RunConfig
from rlhp_ray.errors import ConfigError
from rlhp_ray.sweep.axes import Axis
from rlhp_ray.sweep.sweep_file import Sweep

_COMMON_SECTIONS = ("env", "preferences", "teacher", "labelling", "reward")  # what is asked, and what is fitted to it
_COMMON_KEYS = ("mode", "reward_source")


def check_sharing(config: RunConfig, axes: Sequence[Axis]) -> None:
    """Raise ConfigError where trials are to share answers, and differ in what is asked or in what is fitted to it."""
    if not config.shares_preferences:
        return
    lines = [
        f"{axis.key} takes several values, but with scope=sweep all trials answer and fit alike; expected one value; "
        "training.* and policy.* may differ, and seeds do; leave the axis out, or set scope=trial"
        for axis in axes
        if axis.key in _COMMON_KEYS or axis.key.partition(".")[0] in _COMMON_SECTIONS
    ]
    if lines:
        raise ConfigError(join_lines("command line", lines))


def refuse_people_for_each(config: RunConfig) -> None:
    """Raise ConfigError for a trial that would ask people by itself."""
    if config.teacher.preset == PEOPLE and config.reward_source == "preferences" and config.scope == "trial":
        raise ConfigError(
            "teacher.preset: got people with scope trial, who would be asked anew by every trial; expected "
            "scope=sweep, with which they label once for all of them, or a simulated teacher. Set scope=sweep, or "
            "label once with `rlhp train`, then sweep with preferences.load=RUN and preferences.labels=0."
        )


def config_of_all(sweep: Sweep) -> RunConfig:
    """What all trials share, with the length of the longest."""
    training = sweep.config.training
    longest = max((sweep.trial_config(trial).training.env_steps for trial in sweep.trials), default=training.env_steps)
    return sweep.config.model_copy(update={"training": training.model_copy(update={"env_steps": longest})})
