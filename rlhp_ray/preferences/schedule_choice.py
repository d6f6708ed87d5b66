"""From the configuration's section `preferences` to the label schedule."""

from rlhp_ray.config.schema import PreferencesConfig, RunConfig
from rlhp_ray.errors import ConfigError, TeacherError
from rlhp_ray.preferences.label_schedule import (
    LabelSchedule,
    Share,
    constant_share,
    hyperbolic_share,
    initial_queries,
    inverse_quadratic_share,
    stepped_share,
)
from rlhp_ray.preferences.own_schedule import OwnShare

DEFAULT_DECAYS = 5  # in the training, where preferences.decay_env_steps is null
ITERATIONS_TO_USE_A_ROUND = 2  # it is fitted during the next training iteration and applied in the one after


def label_schedule(config: RunConfig, batch_env_steps: int) -> LabelSchedule:
    """The schedule of a configuration; it ends with the last round whose reward the policy still trains on."""
    end = max(1, last_useful_start(config, batch_env_steps))
    return make_schedule(config.preferences, config.training.env_steps, end)


def last_useful_start(config: RunConfig, batch_env_steps: int) -> int:
    """Env steps after which no round is started any more: the policy could not train on what it gives."""
    return config.training.env_steps - ITERATIONS_TO_USE_A_ROUND * batch_env_steps


def make_schedule(preferences: PreferencesConfig, env_steps: int, end_env_steps: int) -> LabelSchedule:
    """The schedule of a validated configuration.

    Args:
        preferences: the section.
        env_steps: length of the training.
        end_env_steps: when the whole budget is due.

    Raises:
        TeacherError: a function of the user's cannot be used.
    """
    share = _share(preferences, preferences.decay_env_steps or env_steps / DEFAULT_DECAYS, end_env_steps)
    return LabelSchedule(preferences.labels, preferences.initial_fraction, end_env_steps, share)


def _share(preferences: PreferencesConfig, decay_env_steps: float, end_env_steps: int) -> Share:
    match preferences.schedule:
        case "constant":
            return constant_share(end_env_steps)
        case "hyperbolic":
            return hyperbolic_share(decay_env_steps, end_env_steps)
        case "inverse_quadratic":
            return inverse_quadratic_share(decay_env_steps, end_env_steps)
        case "stepped":
            assert preferences.schedule_steps is not None
            initial = initial_queries(preferences.labels, preferences.initial_fraction)
            return stepped_share(preferences.schedule_steps, preferences.labels, initial)
        case target:
            return OwnShare(target, end_env_steps)


def check_schedule(config: RunConfig) -> None:
    """Try the schedule of a validated configuration, so that a function of the user's fails before anything starts.

    Raises:
        ConfigError: it cannot be used.
    """
    if config.reward_source != "preferences":
        return
    try:
        make_schedule(config.preferences, config.training.env_steps, config.training.env_steps)
    except TeacherError as error:
        raise ConfigError(f"configuration: {error}") from error
