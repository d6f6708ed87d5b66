"""What checks look at, from a real rollout, on a machine that has enough of everything."""

from collections.abc import Callable
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

from rlhp_ray.checks.check_context import CheckContext, TimeLimits, look_around
from rlhp_ray.checks.machine import Machine
from rlhp_ray.checks.premortem import CHECKS
from rlhp_ray.checks.setting_checks import rllib_refuses
from rlhp_ray.config.loading import load_config
from rlhp_ray.config.validation import validate_run

PLENTY = Machine(cores=8, memory_bytes=10**12, disk_bytes=10**13)
LIMITS = TimeLimits(rollout=60.0, teacher=3.0)

Around = Callable[..., CheckContext]


class PlantedEnv(gym.Env):
    """Random numbers in `low` to `high`, and a fault by name."""

    def __init__(self, bound: float = 1.0, size: float = 1.0, actions: int = 4, fault: str = "") -> None:
        self._size, self._fault = size, fault
        self.observation_space = gym.spaces.Box(-bound, bound, (3,), np.float32)
        if fault == "float image":
            self.observation_space = gym.spaces.Box(0, 255, (64, 64, 3), np.float32)
        self.action_space = gym.spaces.Discrete(actions)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._steps = 0
        return self._observe(), {}

    def step(self, action):
        self._steps += 1
        if self._fault == "raises" and self._steps > 30:
            raise OSError("the simulator\nis gone")
        sparse = self._fault == "sparse" and self.np_random.random() > 0.001
        ends = self._fault == "ends" and self._steps == 8
        return self._observe(), 0.0 if sparse else float(self.np_random.normal()), ends, False, {}

    def _observe(self):
        seen = self.np_random.uniform(-self._size, self._size, self.observation_space.shape)
        if self._fault == "nan" and self._steps > 30:
            seen[0] = np.nan
        if self._fault == "still":
            seen[:] = 0.5
        if self._fault == "dead entry":
            seen[1] = 0.5
        return seen.astype(np.float32)


@pytest.fixture
def planted() -> Callable[..., str]:
    """Registers an environment with a fault, and gives its id."""

    def register(**kwargs) -> str:
        env_id = f"checks/Planted{abs(hash(tuple(sorted(kwargs.items()))))}-v0"
        if env_id not in gym.registry:
            gym.register(env_id, PlantedEnv, max_episode_steps=200, kwargs=kwargs, disable_env_checker=True)
        return env_id

    return register


@pytest.fixture
def around(tmp_path) -> Around:
    """The context of a shipped configuration with overrides; `changes` replace parts of it."""

    def make(*overrides: str, config: str = "moving_dot", limits: TimeLimits = LIMITS, **changes) -> CheckContext:
        read = load_config(config, [f"output_dir={tmp_path / 'runs'}", *overrides])
        context = look_around(read, validate_run(read), (config, *overrides), limits)
        return replace(context, **{"machine": PLENTY, **changes})

    return make


@pytest.fixture
def on_env(around) -> Around:
    """As `around`, for a small run in any environment."""

    def make(env_id: str, *overrides: str, **changes) -> CheckContext:
        return around(f"env.id={env_id}", "env.horizon=200", *overrides, config="pendulum", **changes)

    return make


@pytest.fixture
def told() -> Callable[[CheckContext], dict[str, str]]:
    """What all checks but RLlib's own have to say, notes included, by the names of the checks."""

    def collect(context: CheckContext) -> dict[str, str]:
        checks = [check for group in CHECKS.values() for check in group if check is not rllib_refuses]
        lines = {
            check.__name__: "\n".join(f"{found.severity}: {found.what} | {found.change}" for found in check(context))
            for check in checks
        }
        return {name: line for name, line in lines.items() if line}

    return collect


@pytest.fixture
def found(told) -> Callable[[CheckContext], dict[str, str]]:
    """The findings alone."""

    def collect(context: CheckContext) -> dict[str, str]:
        return {name: line for name, line in told(context).items() if line.startswith("finding: ")}

    return collect
