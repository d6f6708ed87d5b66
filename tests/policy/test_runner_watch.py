"""What is counted where env runners die and are replaced, with stand-ins for them."""

import pytest

from rlhp_ray.actors.trial_actors import MAX_LOSSES_IN_A_ROW
from rlhp_ray.errors import ActorLostError, RewardDataError
from rlhp_ray.policy import runner_group
from rlhp_ray.policy.rollout_runner import ErrorInPlace, _unless_failed
from rlhp_ray.policy.runner_group import PATIENCE_SECONDS, RunnerWatch


class Runners:
    healthy, remote = 2, 2

    def num_remote_env_runners(self) -> int:
        return self.remote

    def num_healthy_remote_env_runners(self) -> int:
        return self.healthy


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

    made = Clock()
    monkeypatch.setattr(runner_group, "time", made)
    return made


def test_a_loss_counts_once_however_long_it_takes_to_be_got_over(clock):
    runners = Runners()
    watch = RunnerWatch(runners)
    runners.healthy = 1
    for _ in range(2 * MAX_LOSSES_IN_A_ROW):
        watch.look()
        clock.now += 1.0
    runners.healthy = 2
    watch.replaced(1)
    watch.look()
    assert [(each.kind, each.seconds_lost) for each in watch.take_recoveries()] == [("env_runner", 6.0)]
    assert watch.take_recoveries() == []


def test_one_that_dies_each_time_is_one_clear_error(clock):
    runners = Runners()
    watch = RunnerWatch(runners)
    runners.healthy = 1
    with pytest.raises(ActorLostError, match=r"the env runner died 4 times in this session, 4 of them in a row"):
        for _ in range(MAX_LOSSES_IN_A_ROW + 1):
            watch.look()
            watch.replaced(1)


def test_runners_that_never_come_back_end_the_run(clock):
    runners = Runners()
    watch = RunnerWatch(runners)
    runners.healthy = 0
    watch.look()
    clock.now += PATIENCE_SECONDS + 1
    with pytest.raises(ActorLostError, match=r"none has taken their place for 300 s"):
        watch.look()


def test_an_error_of_ours_comes_back_in_place_of_every_later_result():
    class Runner:
        error = None

    def fail(runner):
        raise RewardDataError("the environment returned nan")

    runner = Runner()
    for call in (fail, lambda runner: "fine"):
        found = _unless_failed(call, runner)
        assert isinstance(found, ErrorInPlace)
        with pytest.raises(RewardDataError, match="returned nan"):
            found[1]
        with pytest.raises(RewardDataError, match="returned nan"):
            _, _ = found


def test_other_errors_are_rllibs_matter():
    class Runner:
        error = None

    def fail(runner):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _unless_failed(fail, Runner())
