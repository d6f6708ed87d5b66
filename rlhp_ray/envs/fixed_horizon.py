"""Episodes of one fixed length, in which the ends of the game are hidden."""

from typing import Any, SupportsFloat

import gymnasium as gym
from gymnasium.utils import RecordConstructorArgs

from rlhp_ray.errors import ConfigError


class FixedHorizon(gym.Wrapper, RecordConstructorArgs):
    """Hide where the game ends, charge a penalty for losing it, and truncate after exactly `horizon` agent steps.

    The end of an episode tells a policy how well it does, whatever reward is predicted: that information must come from
    the labels alone (Christiano et al. 2017, A: no end-of-episode signal; on MuJoCo, early termination is replaced by a
    penalty). So after an end, whether termination or truncation, the game is reset within the same step and the
    observation is the first one of the new game. The reset is unseeded: it continues the environment's generator.

    Args:
        env: The environment whose ends are hidden; its own time limit should be off, lest it resets midway.
        horizon: Agent steps per episode, 1 or more.
        termination_penalty: Subtracted from the reward of a step that *terminates* the game. The paper gives no figure.
    """

    def __init__(self, env: gym.Env, horizon: int, termination_penalty: float = 0.0) -> None:
        if horizon < 1:
            raise ConfigError(f"env.horizon is {horizon}; expected a number of agent steps, 1 or more, or null.")
        RecordConstructorArgs.__init__(self, horizon=horizon, termination_penalty=termination_penalty)
        super().__init__(env)
        self._horizon = horizon
        self._termination_penalty = termination_penalty
        self._steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode."""
        self._steps = 0
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Take one agent step; `terminated` is never true."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._steps += 1
        if terminated:
            reward = float(reward) - self._termination_penalty
        if terminated or truncated:
            # At the horizon too: a value bootstrapped there must see what a hidden end shows anywhere else.
            observation, _ = self.env.reset()
        return observation, reward, False, self._steps >= self._horizon, info
