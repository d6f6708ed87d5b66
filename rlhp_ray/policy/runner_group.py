"""Calls on every env runner of a trial, local or remote, in the order of their indices."""

import time
from collections.abc import Iterable
from functools import partial

import ray
from ray.rllib.env.env_runner import EnvRunner
from ray.rllib.env.env_runner_group import EnvRunnerGroup

from rlhp_ray.actors.process_usage import ProcessUsage, process_usage, total_usage
from rlhp_ray.actors.trial_actors import ActorKind, LossCount, Recovery
from rlhp_ray.clips.initial_rollouts import rollout_env_steps
from rlhp_ray.errors import ActorLostError
from rlhp_ray.policy.process_seeding import seed_process
from rlhp_ray.policy.swapped_env import apply_reward, drain, restart_episodes
from rlhp_ray.reward.ensemble import PublishedReward
from rlhp_ray.reward.reward_swap import Harvest
from rlhp_ray.seeding import derive_seed

Drained = tuple[int, Harvest, ProcessUsage]  # of the env runner with this index


def harvest_runners(runners: EnvRunnerGroup, env_steps: int) -> tuple[Harvest, ProcessUsage]:
    """Everything recorded since the last call, and what env runners with processes of their own use together.

    Both in one call to each of them: a round of calls to 1,000 takes the trial a second, whatever they are for.
    """
    return merge_drained(runners.foreach_env_runner(partial(drain_runner, env_steps=env_steps)))


def drain_runner(runner: EnvRunner, env_steps: int) -> Drained:
    """What one env runner recorded since the last call, by a policy of so many env steps, and what its process uses."""
    return *drain(runner, env_steps), process_usage()


def merge_drained(drained: Iterable[Drained]) -> tuple[Harvest, ProcessUsage]:
    """Of several env runners as one; of the trial's own process, index 0, no usage is counted."""
    found = sorted(drained, key=lambda item: item[0])
    return Harvest.merged(harvest for _, harvest, _ in found), total_usage(usage for index, _, usage in found if index)


def publish_to_runners(runners: EnvRunnerGroup, published: PublishedReward, wait: bool = True) -> None:
    """Apply a reward version in every environment.

    Args:
        runners: of the trial.
        published: the version.
        wait: until all have; else those that are at work have it before what they are asked for next.
    """
    shared = ray.put(published) if runners.num_remote_env_runners() else published
    runners.foreach_env_runner(partial(_apply, published=shared), timeout_seconds=None if wait else 0)


def _apply(runner: EnvRunner, published: PublishedReward | ray.ObjectRef) -> None:
    apply_reward(runner, ray.get(published) if isinstance(published, ray.ObjectRef) else published)


def restart_runners(runners: EnvRunnerGroup, seed: int) -> None:
    """Reset all environments and reseed all processes, from one seed: the barrier of sync mode."""
    runners.foreach_env_runner(partial(_restart, seed=seed))
    seed_process(seed)


def _restart(runner: EnvRunner, seed: int) -> None:
    restart_episodes(runner, seed)
    seed_process(derive_seed(seed, "process", runner.worker_index))


def collect_untrained(runners: EnvRunnerGroup, env_steps: int, stint_steps: int) -> None:
    """Roll out the untrained policy for about this many env steps in all; RLlib's copy of the rollouts is dropped."""
    share = -(-env_steps // max(1, runners.num_remote_env_runners()))
    runners.foreach_env_runner(
        partial(_sample_and_forget, env_steps=share, stint_steps=stint_steps),
        local_env_runner=runners.num_remote_env_runners() == 0,
    )


def _sample_and_forget(runner: EnvRunner, env_steps: int, stint_steps: int) -> None:
    stint = stint_steps * runner.num_envs  # type: ignore[attr-defined]  # RLlib's subclasses declare it
    for steps in rollout_env_steps(env_steps, stint):
        runner.sample(num_timesteps=steps, force_reset=True)
    runner.get_metrics()


PATIENCE_SECONDS = 300.0  # for env runners to be started again: a busy machine takes some ten


class RunnerWatch:
    """Notices env runners that died; RLlib has others take their place before the next iteration.

    Args:
        runners: of the trial.
    """

    def __init__(self, runners: EnvRunnerGroup) -> None:
        self._runners = runners
        self._losses = LossCount()
        self._missing = 0
        self._noticed = 0.0
        self._recoveries: list[Recovery] = []

    def look(self) -> None:
        """After an iteration. Raises ActorLostError where runners died more often than is put up with, or stay away."""
        remote, before = self._runners.num_remote_env_runners(), self._missing
        self._missing = remote - self._runners.num_healthy_remote_env_runners() if remote else 0
        if self._missing == 0:
            self._losses.work_went_on(ActorKind.RUNNER)
            return
        if before == 0:
            self._noticed = time.monotonic()
        if self._missing > before:
            self._losses.add(ActorKind.RUNNER, self._missing - before)
        if self._missing == remote and time.monotonic() - self._noticed > PATIENCE_SECONDS:
            raise ActorLostError(
                f"the env runners died, and none has taken their place for {PATIENCE_SECONDS:.0f} s. Look at the logs "
                "and the free processors of the machine, then go on with rlhp resume."
            )

    def replaced(self, number: int) -> None:
        """So many others have taken the place of those that died."""
        seconds = time.monotonic() - self._noticed
        self._recoveries += [Recovery(ActorKind.RUNNER, seconds / number)] * number
        self._missing = max(0, self._missing - number)

    def take_recoveries(self) -> list[Recovery]:
        """Losses got over since the last call."""
        taken, self._recoveries = self._recoveries, []
        return taken
