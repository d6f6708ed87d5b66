"""The world: environments made by id, with true rewards and, if asked, hidden ends. Knows nothing of Ray."""

from rlhp_ray.envs.fixed_horizon import FixedHorizon
from rlhp_ray.envs.frame_skip import FrameSkip
from rlhp_ray.envs.moving_dot import MovingDotEnv, MovingDotVectorEnv, stratified_starts
from rlhp_ray.envs.registry import (
    EnvDescription,
    describe_env,
    evaluation_reset_options,
    make_env,
    make_vector_env,
    warn_if_ends_visible,
)

__all__ = [
    "EnvDescription",
    "FixedHorizon",
    "FrameSkip",
    "MovingDotEnv",
    "MovingDotVectorEnv",
    "describe_env",
    "evaluation_reset_options",
    "make_env",
    "make_vector_env",
    "stratified_starts",
    "warn_if_ends_visible",
]
