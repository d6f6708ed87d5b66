"""Each fault is planted by itself, and found by the check that is there for it; shipped configurations have none."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from rlhp_ray.checks.check_context import TimeLimits
from rlhp_ray.checks.machine import Machine
from rlhp_ray.checks.setting_checks import rllib_refuses
from rlhp_ray.config.loading import known_configs, load_config
from rlhp_ray.reward.ensemble import RewardEnsemble

GLANCE = TimeLimits(rollout=3.0, teacher=1.0, games=2)  # at games, of which each copy takes its time to make
SHORT = TimeLimits(rollout=0.5, teacher=0.0, games=1)  # for what is counted rather than seen


@pytest.mark.parametrize("config", known_configs())
def test_shipped_configurations_have_no_findings(around, found, config):
    if config in ("half_cheetah", "reacher"):
        pytest.importorskip("mujoco")
    is_atari = load_config(config).env.id.startswith("ALE/")
    assert found(around(config=config, **({"limits": GLANCE} if is_atari else {}))) == {}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("config", ["moving_dot", "pendulum", "acrobot", "cartpole"])
def test_nor_have_they_with_other_seeds(around, found, config, seed):
    assert found(around(f"seed={seed}", config=config)) == {}


@pytest.mark.parametrize("config", ["moving_dot", "cartpole"])
def test_nor_have_their_baselines(around, found, config):
    assert found(around("reward_source=true_reward", config=config)) == {}


def test_observations_normalised_for_the_policy_alone(around, found, monkeypatch):
    """The essay's bug: what policy and value network get is scaled, and what the predictor gets is not."""

    def unscaled(self, observations, actions, next_observations=None):
        seen = observations.reshape(len(observations), -1).astype(np.float32)
        return torch.from_numpy(seen), self._encode_actions(actions)

    monkeypatch.setattr(RewardEnsemble, "encode", unscaled)
    lines = found(around(config="pendulum"))
    assert list(lines) == ["networks_see_different_observations"]
    assert "entry 2 is" in lines["networks_see_different_observations"]  # the speed, whose bounds are -8 and 8


def test_bounds_far_wider_than_the_values(on_env, planted, found):
    lines = found(on_env(planted(bound=1e5)))
    assert list(lines) == ["inputs_barely_vary"]
    assert "policy is shown observations that barely vary: 3 of 3 entries (0, 1, 2)" in lines["inputs_barely_vary"]
    assert "reward predictor is shown" in lines["inputs_barely_vary"]


def test_values_far_outside_their_bounds(on_env, planted, found):
    lines = found(on_env(planted(size=500.0)))
    assert list(lines) == ["inputs_are_huge"]
    assert "the policy is shown observations that are not scaled: 3 of 3 entries" in lines["inputs_are_huge"]


def test_unbounded_values_are_scaled_from_data_as_a_run_does_it(on_env, planted, found):
    assert found(on_env(planted(bound=np.inf, size=500.0))) == {}


def test_observations_that_never_change(on_env, planted, found):
    assert (
        "no observation differs from another to the policy"
        in found(on_env(planted(fault="still")))["inputs_barely_vary"]
    )


def test_an_entry_that_never_changes_is_a_note(on_env, planted, told, found):
    context = on_env(planted(fault="dead entry"))
    assert found(context) == {}
    assert "note: of the observation, 1 of 3 entries (1) never changed" in told(context)["inputs_are_constant"]


def test_observations_that_are_not_numbers(on_env, planted, found):
    line = found(on_env(planted(fault="nan")))["environment_fails"]
    assert "RewardDataError: the environment returned NaN or infinity in the observations" in line


def test_an_environment_that_raises(on_env, planted, found):
    assert "OSError: the simulator is gone" in found(on_env(planted(fault="raises")))["environment_fails"]


def test_images_of_another_type(on_env, planted, found):
    lines = found(on_env(planted(fault="float image", size=100.0)))
    assert "(64, 64, 3) of float32 look like images" in lines["image_is_taken_for_a_vector"]


def test_one_action(on_env, planted, found):
    assert "has one action" in found(on_env(planted(actions=1)))["nothing_to_choose"]


def test_visible_ends(around, found):
    lines = found(
        around("env.horizon=null", "env.termination_penalty=0", "preferences.clip_steps=5", config="cartpole")
    )
    assert "the ends of CartPole-v1's episodes are visible" in lines["ends_are_visible"]
    assert "episodes seen here had" in lines["ends_are_visible"]
    assert "env.horizon=500" in lines["ends_are_visible"]


def test_a_shown_score(around, found):
    lines = found(around("env.score_mask='off'", config="pong", limits=SHORT))
    assert list(lines) == ["score_is_shown"]
    assert "env.score_mask is off" in lines["score_is_shown"]


def test_a_penalty_that_is_never_charged(around, found):
    lines = found(around("env.termination_penalty=5"))
    assert list(lines) == ["penalty_is_never_charged"]
    lines = found(around("env.horizon=null", config="cartpole"))
    assert "ends are visible" in lines["penalty_is_never_charged"]


def test_clips_that_all_have_one_return(around, found):
    lines = found(around("env.termination_penalty=0", "teacher.reward_function=null", config="cartpole"))
    assert list(lines) == ["clips_tie"]
    assert "100 % of 200 pairs of clips tie" in lines["clips_tie"]
    assert "The true return of every clip is 60." in lines["clips_tie"]


def test_rewards_that_come_too_seldom_for_the_clips(on_env, planted, found):
    lines = found(on_env(planted(fault="sparse"), "preferences.clip_steps=10"))
    assert list(lines) == ["clips_tie"]
    assert "A clip of 10 env steps holds 0.0" in lines["clips_tie"]


def test_clips_that_leave_out_the_rest_of_an_episode(around, found):
    lines = found(around("preferences.clip_steps=130"))
    assert list(lines) == ["clips_miss_the_ends_of_episodes"]
    assert "the last 120 of every 250 env steps are in no clip" in lines["clips_miss_the_ends_of_episodes"]


def test_clips_longer_than_visible_episodes(around, planted, found):
    env_id = planted(fault="ends")
    lines = found(around(f"env.id={env_id}", "env.horizon=null", config="pendulum"))
    assert sorted(lines) == ["clips_are_longer_than_episodes", "ends_are_visible"]
    assert "only 0 % of" in lines["clips_are_longer_than_episodes"]


def test_a_teacher_that_fails(around, found):
    lines = found(around("teacher.reward_function=no_such_module:pace"))
    assert list(lines) == ["teacher_fails"]
    assert "no_such_module" in lines["teacher_fails"]


def test_a_threshold_that_is_off(around, found):
    assert (
        "teacher.skip=0.1 is a share" in found(around("teacher.preset=skip", config="pendulum"))["thresholds_are_off"]
    )


def test_a_teacher_that_skips(around, found):
    lines = found(around("teacher.skip_below=1000"))
    assert list(lines) == ["teacher_skips"]
    assert "skips 100 % of 200 pairs" in lines["teacher_skips"]


@pytest.mark.parametrize("trait", ["teacher.beta=0.0001", "teacher.mistake=0.5"])
def test_a_teacher_that_tosses_a_coin(around, found, trait):
    assert list(found(around(trait))) == ["teacher_tosses_a_coin"]


def test_the_negative_control_is_a_note(around, found, told):
    context = around("teacher.preset=random")
    assert found(context) == {}
    assert told(context)["teacher_tosses_a_coin"].startswith("note: ")


def test_a_pool_too_small_for_the_first_queries(around, found):
    lines = found(around("preferences.initial_fraction=0.5", "preferences.pool_clips=10"))
    assert list(lines) == ["first_clips_are_few"]
    assert "the first 150 queries find 45 pairs: preferences.pool_clips leaves 10 clips" in lines["first_clips_are_few"]


def test_a_pool_whose_clips_are_asked_about_again_and_again(around, found):
    lines = found(around("preferences.initial_fraction=0.5", "preferences.pool_clips=40"))
    assert "150 queries are all about 40 clips (preferences.pool_clips), 8 for each" in lines["first_clips_are_few"]


def test_too_few_first_labels(around, found):
    lines = found(around("preferences.initial_fraction=0.5", "preferences.labels=20"))
    assert list(lines) == ["initial_labels_are_few"]
    assert "from 10 labels" in lines["initial_labels_are_few"]


def test_a_first_reward_that_is_hardly_fitted(around, found):
    lines = found(around("preferences.initial_fraction=0.5", "reward.pretraining_epochs=2"))
    assert "in 10 gradient steps: 2 passes over 150 labels, 32 at a time" in lines["initial_labels_are_few"]


def test_labels_that_can_shape_nothing(around, found):
    overrides = ["preferences.initial_fraction=0.5", "training.env_steps=12000"]
    lines = found(around(*overrides, "training.checkpoint_interval_env_steps=8000"))
    assert "150 of 300 labels are asked when the policy learns no more" in lines["labels_come_too_late"]


def test_labels_that_are_left_to_the_end(around, found):
    overrides = ["preferences.initial_fraction=0.2", "preferences.schedule=stepped"]
    lines = found(around(*overrides, "preferences.schedule_steps=[[20000,70]]"))
    assert list(lines) == ["labels_come_too_late"]
    assert "230 of 300 labels are asked after env step 73,600 of 100,000" in lines["labels_come_too_late"]


def test_a_window_that_forgets_most_labels(around, found):
    lines = found(around("preferences.window=100"))
    assert list(lines) == ["window_forgets_labels"]
    assert "window_forgets_labels" not in found(around("preferences.labels=2000", "preferences.window=900"))


def test_labels_that_are_never_fitted(around, found):
    lines = found(around("reward.pairs_per_round=5"))
    assert list(lines) == ["labels_are_never_fitted"]


def test_a_training_of_a_few_updates(around, found):
    lines = found(
        around("preferences.initial_fraction=0.5", "training.rllib.entropy_coeff=0.1", "training.env_steps=40000")
    )
    assert list(lines) == ["updates_are_few"]
    assert "for 8 iterations: 40,000 env steps, 8,000 of them for the first labels" in lines["updates_are_few"]


def test_a_minibatch_larger_than_the_batch(around, found):
    assert list(found(around("training.rllib.minibatch_size=5000"))) == ["minibatch_is_too_large"]


def test_more_copies_than_a_batch_can_use(around, found):
    lines = found(around("env.num_envs=1000", "mode=async"))
    assert "each of 1000 copies adds 4 env steps" in lines["batch_is_spread_thin"]


def test_a_barrier_in_the_middle_of_episodes(around, found):
    lines = found(around("env.num_envs=200"))
    assert (
        "each of 200 copies is stopped after 100 env steps, every 20,000 env steps"
        in lines["episodes_are_never_finished"]
    )
    assert found(around("env.num_envs=200", "mode=async")) == {}


def test_a_checkpoint_that_comes_too_late(around, found):
    lines = found(around("training.checkpoint_interval_env_steps=80000"))
    assert list(lines) == ["checkpoints_are_rare_or_many"]


def test_a_checkpoint_at_every_turn(around, found):
    lines = found(around("training.env_steps=1000000", "training.checkpoint_interval_env_steps=4000"))
    assert "250 checkpoints are written" in lines["checkpoints_are_rare_or_many"]


def test_a_learning_rate_of_nothing(around, found):
    lines = found(around("training.rllib.lr=[[0,0.001],[50000,0]]"))
    assert list(lines) == ["learning_rate_ends_early"]
    assert found(around("training.rllib.lr=[[0,0.001],[100000,0]]")) == {}


@pytest.mark.parametrize(
    ("config", "coefficient"), [("moving_dot", 1), ("pendulum", 0.2), ("moving_dot", "[[0,1],[200000,0]]")]
)
def test_an_entropy_bonus_that_outweighs_the_reward(around, found, config, coefficient):
    lines = found(around(f"training.rllib.entropy_coeff={coefficient}", config=config))
    assert list(lines) == ["entropy_outweighs_the_reward"]


def test_an_entropy_bonus_that_has_fallen_by_the_end_explores(around, found):
    assert found(around("training.rllib.entropy_coeff=[[0,1],[100000,0.05]]")) == {}


@pytest.mark.parametrize("override", ["reward.scale=5000", "reward.scale=0.001", "training.rllib.gamma=1"])
def test_returns_out_of_scale(around, found, override):
    assert list(found(around(override))) == ["values_are_out_of_scale"]


def test_a_filter_that_a_run_ignores(around, found):
    lines = found(around("training.rllib.observation_filter=MeanStdFilter"))
    assert list(lines) == ["settings_are_ignored"]


def test_settings_that_rllib_refuses(around):
    assert list(rllib_refuses(around())) == []
    told = list(rllib_refuses(around("training.rllib.entropy_coef=0.1")))
    assert "did you mean entropy_coeff?" in told[0].what


@pytest.mark.parametrize(
    ("machine", "overrides", "expected"),
    [
        (Machine(8, 10**9, 10**13), (), "memory_is_short"),
        (Machine(8, 10**12, 2 * 10**8), (), "disk_is_short"),
        (Machine(2, 10**12, 10**13), ("env.num_env_runners=2",), "cores_are_short"),
        (Machine(2, 10**12, 10**13, threads=8), (), "cores_are_short"),
        (Machine(2, 10**12, 10**13), ("training.rllib.num_gpus_per_learner=1",), "ray_can_never_place_it"),
        (Machine(2, 10**12, 10**13), ("training.rllib.num_learners=1",), "ray_can_never_place_it"),
    ],
)
def test_what_the_machine_cannot_give(around, found, machine, overrides, expected):
    assert list(found(around(*overrides, machine=machine))) == [expected]


def test_the_memory_of_labels_counts(around, found):
    overrides = ["preferences.labels=100000", "preferences.window=null", "preferences.pool_clips=50000"]
    machine = Machine(8, 8 * 10**9, 10**13)
    assert found(around(config="pong", machine=machine, limits=SHORT)) == {}
    lines = found(around(*overrides, config="pong", machine=machine, limits=SHORT))
    assert "for labels that are fitted to (preferences.window)" in lines["memory_is_short"]


def test_clips_of_a_few_first_seconds_are_not_judged(around, found, told):
    context = around("env.termination_penalty=0", "teacher.reward_function=null", config="cartpole")
    assert list(found(context)) == ["clips_tie"]
    cut = replace(context, rollout=replace(context.rollout, is_cut_short=True))
    assert found(cut) == {}
    assert told(cut)["rollout_was_cut_short"].startswith("note: after ")


def test_a_gpu_is_a_note(around, told):
    context = around(machine=Machine(8, 10**12, 10**13, gpus=("Some GPU",)))
    assert told(context)["gpu_is_idle"].startswith("note: this machine has a GPU (Some GPU)")


def test_disagreement_from_few_labels_is_a_note(around, told):
    assert told(around("preferences.selection=disagreement"))["members_disagree_from_few_labels"].startswith("note: ")
