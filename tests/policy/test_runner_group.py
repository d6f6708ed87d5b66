"""Calls on all env runners: one round of them an iteration, in the order of their indices."""

from types import SimpleNamespace

from rlhp_ray.actors.process_usage import process_usage
from rlhp_ray.policy.runner_group import harvest_runners


class Runners:
    """Env runners without environments; counts the rounds of calls."""

    def __init__(self, *indices: int) -> None:
        self.rounds = 0
        self._runners = [SimpleNamespace(worker_index=index, env=None) for index in indices]

    def foreach_env_runner(self, call, timeout_seconds=None):
        self.rounds += 1
        return [call(runner) for runner in self._runners]


def test_clips_and_usage_come_with_one_call_to_each_env_runner():
    runners = Runners(2, 0, 1)
    harvest, usage = harvest_runners(runners, env_steps=0)
    assert runners.rounds == 1
    assert harvest.clips == []
    own = process_usage().resident_megabytes
    assert 1.5 * own < usage.resident_megabytes < 2.5 * own, "two that are remote, and not the trial's own"


def test_of_a_runner_in_the_trials_own_process_no_usage_is_counted():
    _, usage = harvest_runners(Runners(0), env_steps=0)
    assert (usage.resident_megabytes, usage.cpu_seconds) == (0, 0)
