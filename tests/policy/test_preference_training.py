"""The label schedule of a run: every label is asked while the policy can still learn from it."""

import pytest

from rlhp_ray.config.schema import RunConfig
from rlhp_ray.policy.preference_training import label_schedule


def config(env_steps: int) -> RunConfig:
    return RunConfig.model_validate(
        {
            "env": {"id": "rlhp/MovingDot-v0"},
            "training": {"env_steps": env_steps},
            "preferences": {"labels": 100, "initial_fraction": 0.5},
        }
    )


def test_the_budget_is_spent_two_iterations_before_the_end():
    schedule = label_schedule(config(100_000), batch_env_steps=4_000)
    assert schedule.due(92_000) == 100
    assert schedule.due(88_000) < 100
    assert schedule.due(0) == 50


@pytest.mark.parametrize("env_steps", [4_000, 8_000])
def test_a_run_too_short_for_a_later_round_asks_everything_at_once(env_steps):
    schedule = label_schedule(config(env_steps), batch_env_steps=4_000)
    assert schedule.due(4_000) == 100
