"""Whether the ends of episodes are visible, and the warning that they may tell the policy its true reward."""

import warnings

from gymnasium.envs.registration import parse_env_id

MAX_EPISODE_STEPS = 100_000
"""Where an episode is stopped that is played for its return and does not end by itself, in env steps."""

_NEVER_TERMINATING = frozenset(
    {
        "MovingDot",
        "MovingDotPixels",
        "MovingDotContinuous",
        "Pendulum",
        "HalfCheetah",
        "HumanoidStandup",
        "Pusher",
        "Reacher",
        "Swimmer",
    }
)
"""Environments whose episodes always have one length. MountainCarContinuous terminates at the flag: not one of them."""

_warned_env_ids: set[str] = set()


def never_terminates(env_id: str) -> bool:
    """Whether the environment is known to end by its time limit only, so that an episode's length tells nothing."""
    return parse_env_id(env_id.rpartition(":")[2])[1] in _NEVER_TERMINATING


def warn_of_visible_ends(env_id: str, horizon: int | None) -> None:
    """Warn, once per process and environment, that the length of an episode may leak the true reward.

    Source: Christiano et al. 2017, A. Silent with a horizon, which hides the ends, and for environments that never
    terminate.
    """
    if horizon is not None or never_terminates(env_id) or env_id in _warned_env_ids:
        return
    _warned_env_ids.add(env_id)
    warnings.warn(
        f"{env_id} leaves the ends of its episodes visible to the policy (env.horizon is null). The length of an "
        "episode can tell it how well it does, whatever was preferred, so results may owe nothing to the labels "
        "(Christiano et al. 2017, A). Set env.horizon to a fixed number of agent steps to hide them.",
        UserWarning,
        stacklevel=3,
    )
