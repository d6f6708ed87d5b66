"""What trials that share their answers must have in common."""

import pytest

from rlhp_ray.config.loading import load_config
from rlhp_ray.errors import ConfigError
from rlhp_ray.sweep.plan import plan_trials, split_overrides
from rlhp_ray.sweep.sharing import check_sharing, config_of_all, refuse_people_for_each
from rlhp_ray.sweep.sweep_file import Sweep, SweepSettings

SHARED = ["scope=sweep", "mode=async"]


@pytest.mark.parametrize(
    "axis",
    [
        "env.num_envs={grid: [8, 16]}",
        "teacher.preset={grid: [oracle, stoch]}",
        "preferences.labels={grid: [10, 20]}",
        "labelling.patience_seconds={grid: [10, 20]}",
        "reward.members={choice: [3, 5]}",
        "mode={grid: [async]}",
        "reward_source={grid: [preferences, true_reward]}",
    ],
)
def test_what_is_asked_and_fitted_is_the_same_for_all(axis):
    plain, axes = split_overrides([*SHARED, axis, "training.rllib.lr={grid: [0.001, 0.003]}"])
    with pytest.raises(ConfigError, match=rf"{axis.partition('=')[0]} takes several values") as told:
        check_sharing(load_config("moving_dot", plain), axes)
    assert "training.rllib.lr" not in str(told.value)
    check_sharing(load_config("moving_dot", ["mode=async"]), axes)


@pytest.mark.parametrize(
    "axis", ["training.rllib.lr={grid: [0.001, 0.003]}", "policy.load={grid: [null, /some/where]}"]
)
def test_how_the_policy_learns_may_differ(axis):
    plain, axes = split_overrides([*SHARED, axis])
    check_sharing(load_config("moving_dot", plain), axes)


def test_the_baseline_has_nothing_to_share():
    plain, axes = split_overrides([*SHARED, "reward_source=true_reward", "env.num_envs={grid: [8, 16]}"])
    check_sharing(load_config("moving_dot", plain), axes)


def test_scope_itself_is_one_for_the_sweep():
    with pytest.raises(ConfigError, match="scope is one for the whole sweep"):
        split_overrides(["scope={grid: [trial, sweep]}"])


def test_people_who_would_be_asked_by_each_trial_are_refused_with_the_way_out():
    people = ["teacher.preset=people"]
    with pytest.raises(ConfigError, match="expected scope=sweep"):
        refuse_people_for_each(load_config("moving_dot", people))
    refuse_people_for_each(load_config("moving_dot", [*people, "scope=sweep"]))
    refuse_people_for_each(load_config("moving_dot", [*people, "reward_source=true_reward"]))


def test_the_common_configuration_is_as_long_as_the_longest_trial():
    plain, axes = split_overrides([*SHARED, "training.env_steps={grid: [4000, 90000, 8000]}"])
    config = load_config("moving_dot", plain)
    sweep = Sweep(config, SweepSettings(), tuple(plan_trials(axes, (0, 1), 1, 0)))
    assert config_of_all(sweep).training.env_steps == 90_000
    assert config_of_all(sweep).preferences == config.preferences
