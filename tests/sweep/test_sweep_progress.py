"""The line of a sweep tells which trial is unhealthy, and says once that it became so."""

from types import SimpleNamespace

import pytest

from rlhp_ray import metric_keys as keys
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.health.monitor import HealthMonitor
from rlhp_ray.sweep.progress import SweepProgress


class Trial(SimpleNamespace):
    def __str__(self) -> str:
        return self.name


@pytest.fixture
def lines(monkeypatch, capsys) -> list[str]:
    """Standard error of a sweep of two trials, of which one's updates are wild."""
    monkeypatch.setattr("rlhp_ray.experiment.live_line.PLAIN_INTERVAL_S", 0.0)
    config = RunConfig.model_validate({"env": {"id": "CartPole-v1"}, "reward_source": "true_reward"})
    divergences = {"calm": 0.01, "wild": 0.3}
    healths = {name: HealthMonitor(config, {"type": "Discrete", "n": 2}, []) for name in divergences}
    progress = SweepProgress(dict.fromkeys(divergences, 2000), 0, 2, healths)
    for iteration in range(1, 16):
        for name, divergence in divergences.items():
            metrics = {keys.ENV_STEPS: 100 * iteration, keys.TIME_ITERATION: 1.0, keys.POLICY_KL: divergence}
            healths[name].update(metrics)
            progress.on_trial_result(iteration, [], Trial(name=name), {keys.METRICS: metrics, keys.NOTICES: []})
    return capsys.readouterr().err.splitlines()


def test_a_trial_that_becomes_unhealthy_is_named_once_and_marked(lines):
    (said,) = [line for line in lines if "unhealthy" in line]
    assert said.startswith("rlhp: wild: unhealthy at 1,200 env steps: policy kl: ")
    assert "calm 75 %, wild 75 % (! policy kl)" in lines[-1]
    assert "!" not in lines[0]


def test_a_trial_that_waits_for_people_says_so_for_as_long(monkeypatch, capsys):
    monkeypatch.setattr("rlhp_ray.experiment.live_line.PLAIN_INTERVAL_S", 0.0)
    config = RunConfig.model_validate({"env": {"id": "CartPole-v1"}})
    health = HealthMonitor(config, {"type": "Discrete", "n": 2}, [])
    progress = SweepProgress({"seed0": 2000}, 0, 1, {"seed0": health})
    for held in (1.0, 0.0):
        metrics = {keys.ENV_STEPS: 100, keys.HELD_FOR_PEOPLE: held}
        progress.on_trial_result(1, [], Trial(name="seed0"), {keys.METRICS: metrics, keys.NOTICES: []})
    first, last = capsys.readouterr().err.splitlines()
    assert "seed0 5 % (waiting for people)" in first and "waiting" not in last


def test_a_trial_that_is_tried_again_says_so_and_where_it_runs_now(capsys):
    config = RunConfig.model_validate({"env": {"id": "CartPole-v1"}})
    progress = SweepProgress({"seed0": 2000}, 0, 1, {"seed0": HealthMonitor(config, {"type": "Discrete", "n": 2}, [])})
    for host in ("worker1", "worker1", "worker2"):
        result = {keys.METRICS: {keys.ENV_STEPS: 100}, keys.NOTICES: [], "hostname": host}
        if host == "worker2":
            progress.on_trial_recover(2, [], Trial(name="seed0"))
        progress.on_trial_result(1, [], Trial(name="seed0"), result)
    said = [line for line in capsys.readouterr().err.splitlines() if "runs on" in line or "tried again" in line]
    assert [" ".join(line.split()) for line in said] == [
        "seed0 runs on worker1",
        "seed0 failed; is tried again, from its last checkpoint",
        "seed0 runs on worker2",
    ]
