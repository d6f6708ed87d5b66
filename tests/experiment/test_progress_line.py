"""The progress line has a mark while something is wrong; above it stands once what began, and once that it is over."""

import pytest

from rlhp_ray import metric_keys as keys
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.experiment.progress_line import ProgressLine
from rlhp_ray.health.monitor import HealthMonitor

ITERATIONS = 40
SICK = range(12, 26)


@pytest.fixture
def lines(monkeypatch, capsys) -> list[str]:
    """Standard error of a run whose KL divergence is wild for some iterations."""
    monkeypatch.setattr("rlhp_ray.experiment.live_line.PLAIN_INTERVAL_S", 0.0)
    config = RunConfig.model_validate({"env": {"id": "CartPole-v1"}, "reward_source": "true_reward"})
    health = HealthMonitor(config, {"type": "Discrete", "n": 2}, [])
    progress = ProgressLine(100 * ITERATIONS, 0, health)
    for iteration in range(1, ITERATIONS + 1):
        metrics = {
            keys.ENV_STEPS: 100 * iteration,
            keys.TIME_ITERATION: 1.0,
            keys.ENV_STEPS_PER_SECOND: 100.0,
            keys.POLICY_KL: 0.3 if iteration in SICK else 0.01,
        }
        health.update(metrics)
        progress.on_trial_result(iteration, [], None, {keys.METRICS: metrics, keys.NOTICES: []})
    return capsys.readouterr().err.splitlines()


def test_beginning_and_end_are_each_said_once(lines):
    said = [line for line in lines if "healthy" in line]
    assert len(said) == 2
    assert said[0].startswith("rlhp: unhealthy at 1,800 env steps: policy kl: 0.3, the median of 10 iterations; ")
    assert said[1] == "rlhp: healthy again at 3,300 env steps: policy kl is over"


def test_the_line_is_marked_in_between(lines):
    shown = [line for line in lines if "env steps (" in line]
    marked = [index for index, line in enumerate(shown, start=1) if "| ! policy kl |" in line]
    assert len(shown) == ITERATIONS
    assert marked == list(range(18, 33))
