"""Env runners that generate their clips instead of stepping environments, a few processes standing for many of them."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import ray
from ray.actor import ActorHandle
from ray.rllib.utils.actor_manager import FaultAwareApply, FaultTolerantActorManager

from rlhp_ray.clips.clip import Clip
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.policy.swapped_env import RUN_KEY, make_swapped_env
from rlhp_ray.reward.reward_swap import Harvest

BANK_CLIPS = 64  # recorded of random play; what is handed out are these again, with other rewards
REWARD_NOISE = 1e-3  # makes every clip another one, which a teacher judges alike
MOST_PROCESSES = 4
EMPTY_CALLS = 3


def record_bank(env: Any, clip_steps: int) -> list[Clip]:
    """Clips of random play, by the run's own environment and recorder."""
    env.reset(seed=os.getpid())
    bank: list[Clip] = []
    while len(bank) < BANK_CLIPS:
        for _ in range(clip_steps):
            env.step(env.action_space.sample())
        bank += env.drain(0).clips
    return bank[:BANK_CLIPS]


def nothing(runner: Any) -> None:
    """Asked of an env runner."""


@ray.remote(num_cpus=0)
class GeneratedRunner(FaultAwareApply):
    """Takes the calls that a trial makes to an env runner, for several of them.

    Args:
        config: of the run.
        clips_per_harvest: what one env runner hands over each time.
    """

    def __init__(self, config: RunConfig, clips_per_harvest: int) -> None:
        self.worker_index, self.num_envs = 1, config.env.num_envs
        self.env = make_swapped_env({RUN_KEY: config.model_dump(mode="json")})
        self._bank = record_bank(self.env, config.preferences.clip_steps)
        self._clips_per_harvest = clips_per_harvest
        self._rng = np.random.default_rng(os.getpid())
        self.env.drain = self._generate  # type: ignore[attr-defined]  # the reward is applied in the environment as ever

    def _generate(self, env_steps: int) -> Harvest:
        chosen = self._rng.integers(0, len(self._bank), self._clips_per_harvest)
        clips = [self._another(self._bank[index], env_steps) for index in chosen]
        return Harvest(clips, [], sum(len(clip) for clip in clips))

    def _another(self, clip: Clip, env_steps: int) -> Clip:
        noise = self._rng.normal(0, REWARD_NOISE, len(clip)).astype(np.float32)
        return replace(
            clip,  # with arrays of its own: what is the same in two clips of a message would be sent once
            observations=clip.observations.copy(),
            actions=clip.actions.copy(),
            teacher_rewards=clip.teacher_rewards + noise,
            env_steps=env_steps,
        )

    def sample(self, **_: Any) -> None:
        """Nothing: clips are made when they are fetched."""

    def get_metrics(self) -> None:
        """None."""


class GeneratedRunners:
    """What a trial asks of RLlib's group of env runners, answered by a few processes through RLlib's own calls.

    Args:
        config: of the run.
        number: of env runners.
        clips_per_harvest: of each.
    """

    def __init__(self, config: RunConfig, number: int, clips_per_harvest: int) -> None:
        self.processes: list[ActorHandle] = [
            GeneratedRunner.remote(config, clips_per_harvest)  # type: ignore[attr-defined]  # Ray gives it one
            for _ in range(min(number, MOST_PROCESSES))
        ]
        ray.get([process.__ray_ready__.remote() for process in self.processes])
        standing = [self.processes[index % len(self.processes)] for index in range(number)]
        self._manager = FaultTolerantActorManager(standing, init_id=1)

    def foreach_env_runner(
        self, func: Callable, *, local_env_runner: bool = True, timeout_seconds: float | None = None
    ) -> list[Any]:
        """As RLlib's: one call to each env runner, whose results are waited for so long."""
        results = self._manager.foreach_actor(func, timeout_seconds=timeout_seconds)
        FaultTolerantActorManager.handle_remote_call_result_errors(results, ignore_ray_errors=False)
        return [result.get() for result in results]

    def empty_call_seconds(self) -> float:
        """Of a call to each env runner that asks nothing of it: the fastest of some."""
        seconds = []
        for _ in range(EMPTY_CALLS):
            started = time.perf_counter()
            self.foreach_env_runner(nothing)
            seconds.append(time.perf_counter() - started)
        return min(seconds)

    def num_remote_env_runners(self) -> int:
        """All of them."""
        return self._manager.num_actors()

    def num_healthy_remote_env_runners(self) -> int:
        """Likewise."""
        return self._manager.num_healthy_actors()
