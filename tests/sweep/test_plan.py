"""From a command line to trials: names, settings, seeds, and what is refused."""

import pytest

from rlhp_ray.config.loading import load_config
from rlhp_ray.errors import ConfigError
from rlhp_ray.sweep import plan
from rlhp_ray.sweep.plan import parse_seeds, plan_trials, setting_text, split_overrides


def test_plain_overrides_and_axes_are_told_apart():
    plain, axes = split_overrides(
        ["preferences.labels={grid: [10, 20]}", "training.env_steps=6000", "env.id={choice: [Pendulum-v1, Acrobot-v1]}"]
    )
    assert plain == ("training.env_steps=6000",)
    assert [(axis.key, axis.kind, axis.values) for axis in axes] == [
        ("preferences.labels", "grid", (10, 20)),
        ("env.id", "choice", ("Pendulum-v1", "Acrobot-v1")),
    ]


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["preferences.label={grid: [1]}"], "did you mean preferences.labels"),
        (["preferences.labels={grid: []}"], "one or more different values"),
        (["seed={grid: [0, 1]}"], "--seeds"),
        (["name={grid: [a, b]}"], "one for the whole sweep"),
        (["preferences.labels={grid: [1]}", "preferences.labels={grid: [2]}"], "swept twice"),
        (["preferences.labels"], "no '='"),
    ],
)
def test_axes_that_cannot_be_swept_are_refused(overrides, told):
    with pytest.raises(ConfigError, match=told):
        split_overrides(overrides)


@pytest.mark.parametrize(("text", "seeds"), [("0-2", (0, 1, 2)), ("7", (7,)), ("3-4, 0", (3, 4, 0))])
def test_seeds(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(("text", "told"), [("", "0-4"), ("a", "0-4"), ("4-2", "first <= last"), ("0-3,2", "2 twice")])
def test_seeds_that_are_none_or_come_twice_are_refused(text, told):
    with pytest.raises(ConfigError, match=told):
        parse_seeds(text)


def test_every_setting_is_run_with_one_seed_before_the_next_seed():
    _, axes = split_overrides(["preferences.labels={grid: [10, 20]}", "training.rllib.lr={loguniform: [0.0001, 0.01]}"])
    trials = plan_trials(axes, (3, 5), samples=2, draw_seed=0)
    assert [trial.name for trial in trials] == [f"s{index}-seed{seed}" for seed in (3, 5) for index in range(4)]
    assert [trial.setting for trial in trials[:4]] == [trial.setting for trial in trials[4:]]
    again = plan_trials(axes, (3, 5), samples=2, draw_seed=0)
    assert again == trials
    assert plan_trials(axes, (3, 5), samples=2, draw_seed=1) != trials


def test_a_trial_is_the_shared_configuration_with_its_setting_and_seed():
    _, axes = split_overrides(["env.id={grid: [Pendulum-v1]}", "training.rllib.lr={grid: [0.00003]}"])
    (trial,) = plan_trials(axes, (4,), samples=1, draw_seed=0)
    config = load_config("moving_dot", trial.overrides)
    assert (config.env.id, config.training.rllib["lr"], config.seed) == ("Pendulum-v1", 0.00003, 4)
    assert (trial.name, setting_text(trial.setting)) == ("seed4", "id=Pendulum-v1, lr=3e-05")


def test_a_sweep_is_bounded(monkeypatch):
    monkeypatch.setattr(plan, "MAX_TRIALS", 5)
    _, axes = split_overrides(["preferences.labels={grid: [1, 2, 3]}"])
    assert len(plan_trials(axes, (0,), 1, 0)) == 3
    with pytest.raises(ConfigError, match="more than 5 trials"):
        plan_trials(axes, (0, 1), 1, 0)
