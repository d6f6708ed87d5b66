"""The ensemble: predictions, versions, and what is handed out."""

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlhp_ray.clips.clip import ClipArrays
from rlhp_ray.errors import RewardDataError
from rlhp_ray.reward import ensemble as ensemble_module
from rlhp_ray.reward.ensemble import RewardEnsemble
from rlhp_ray.reward.observation_scaling import ObservationScaling


def random_clips(num_clips: int, steps: int, seed: int = 0) -> ClipArrays:
    rng = np.random.default_rng(seed)
    return ClipArrays(
        rng.uniform(-1, 1, (num_clips, steps, 3)).astype(np.float32), rng.integers(0, 2, (num_clips, steps))
    )


def test_members_start_apart_and_the_seed_decides(make_spec):
    clips = random_clips(1, 50)

    def rewards(seed: int) -> np.ndarray:
        return RewardEnsemble(make_spec(seed=seed)).member_rewards(clips.observations[0], clips.actions[0])

    np.testing.assert_array_equal(rewards(0), rewards(0))
    first = rewards(0)
    assert first.shape == (3, 50)
    assert min(np.abs(first[i] - first[j]).max() for i, j in ((0, 1), (0, 2), (1, 2))) > 0.01
    assert np.abs(first - rewards(1)).max() > 0.01


def test_building_an_ensemble_leaves_the_global_generator_alone(make_spec):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    RewardEnsemble(make_spec())
    torch.testing.assert_close(torch.rand(3), expected, rtol=0, atol=0)


def test_the_reward_depends_on_observation_and_action(make_spec):
    ensemble = RewardEnsemble(make_spec())
    observations = np.array([[0.1, 0.2, 0.3], [0.1, 0.2, 0.3], [0.1, 0.2, -0.3]], np.float32)
    same, other_action, other_observation = ensemble.rewards(observations, np.array([0, 1, 0]))
    assert same != other_action and same != other_observation


def test_observations_are_scaled_before_the_network_sees_them(make_spec):
    wide = gym.spaces.Box(-10.0, 10.0, (3,), np.float32)
    observations, actions = np.random.default_rng(0).uniform(-1, 1, (20, 3)).astype(np.float32), np.zeros(20, int)
    narrow_rewards = RewardEnsemble(make_spec()).member_rewards(observations, actions)
    wide_rewards = RewardEnsemble(make_spec(wide)).member_rewards(10 * observations, actions)
    np.testing.assert_allclose(wide_rewards, narrow_rewards, atol=1e-6)


def test_rewards_of_clips_are_those_of_their_steps_whatever_the_batches(make_spec, monkeypatch):
    ensemble, clips = RewardEnsemble(make_spec()), random_clips(7, 5)
    whole = ensemble.member_rewards_of_clips(clips)
    assert whole.shape == (3, 7, 5)
    for index in range(7):
        steps = ensemble.member_rewards(clips.observations[index], clips.actions[index])
        np.testing.assert_allclose(whole[:, index], steps, atol=1e-6)
    monkeypatch.setattr(ensemble_module, "MAX_STEPS_PER_BATCH", 11)
    np.testing.assert_allclose(ensemble.member_rewards_of_clips(clips), whole, atol=1e-6)


NEXT = "obs_action_next_obs"


def test_the_reward_may_depend_on_what_the_action_led_to(make_spec):
    ensemble = RewardEnsemble(make_spec(inputs=NEXT))
    observations, following = np.zeros((2, 3), np.float32), np.array([[0, 0, 0], [0.5, 0, 0]], np.float32)
    same, other = ensemble.rewards(observations, np.zeros(2, int), following)
    assert same != other
    assert ensemble.spec.network_shape.observation_shape == (6,)


@pytest.mark.parametrize(
    ("space", "numbers"),
    [
        (gym.spaces.Box(-10.0, 10.0, (3,), np.float32), [[1, 2, 3], [4, 5, 6], [7, 8, 9]]),
        (gym.spaces.Discrete(5, start=2), [2, 6, 4]),
    ],
    ids=str,
)
def test_next_observations_are_those_of_the_clip_and_then_the_one_after_it(make_spec, space, numbers):
    """Scaled like the observations, behind which they stand."""
    ensemble = RewardEnsemble(make_spec(space, inputs=NEXT))
    first, second, third = np.array(numbers, space.dtype)
    clips = ClipArrays(np.array([[first, second]]), np.array([[0, 1]]), next_observation=np.array([third]))
    seen = ensemble.scaling(np.array(numbers, space.dtype))
    encoded = ensemble.encode_clips(clips).observations.numpy()
    np.testing.assert_array_equal(encoded, [np.concatenate([seen[:2], seen[1:]], axis=-1)])
    steps = ensemble.member_rewards(np.array([first, second]), np.array([0, 1]), np.array([second, third]))
    np.testing.assert_allclose(ensemble.member_rewards_of_clips(clips)[:, 0], steps, atol=1e-6)


def test_next_observations_that_are_needed_and_lacking_are_told(make_spec):
    ensemble, clips = RewardEnsemble(make_spec(inputs=NEXT)), random_clips(2, 5)
    with pytest.raises(RewardDataError, match="no next observations came with 10 observations; expected as many"):
        ensemble.member_rewards_of_clips(clips)
    with pytest.raises(RewardDataError, match="no next observations came with 5 observations"):
        ensemble.rewards(clips.observations[0], clips.actions[0])


@pytest.mark.parametrize("inputs", ["obs", "obs_action"])
def test_next_observations_that_are_not_asked_for_change_nothing(make_spec, inputs):
    ensemble, clips = RewardEnsemble(make_spec(inputs=inputs)), random_clips(1, 5)
    plain = ensemble.rewards(clips.observations[0], clips.actions[0])
    following = np.full_like(clips.observations[0], np.nan)
    np.testing.assert_array_equal(ensemble.rewards(clips.observations[0], clips.actions[0], following), plain)


def test_images_have_no_next_observations(make_spec):
    frames = gym.spaces.Box(0, 255, (84, 84, 4), np.uint8)
    with pytest.raises(ValueError, match="a network on images sees no next observations"):
        RewardEnsemble(make_spec(frames, inputs=NEXT))


def test_pixels_get_the_convolutional_network(make_spec):
    frames = gym.spaces.Box(0, 255, (84, 84, 4), np.uint8)
    ensemble = RewardEnsemble(make_spec(frames, members=2))
    observations = np.random.default_rng(0).integers(0, 256, (3, 84, 84, 4), dtype=np.uint8)
    rewards = ensemble.rewards(observations, np.array([0, 1, 1]))
    assert rewards.shape == (3,) and len(set(rewards.tolist())) == 3


def test_publishing_fixes_the_normaliser_over_recent_clips(make_spec):
    ensemble, clips = RewardEnsemble(make_spec(scale=0.05)), random_clips(40, 10)
    clips_rewards = ensemble.member_rewards_of_clips(clips)
    published = ensemble.publish(4, clips_rewards)
    raw = clips_rewards.reshape(3, -1)
    normalised = (raw - raw.mean(axis=1, keepdims=True)) / raw.std(axis=1, keepdims=True)
    rewards = ensemble.rewards(clips.observations.reshape(-1, 3), clips.actions.reshape(-1))
    assert published.version == ensemble.version == 4
    np.testing.assert_allclose(rewards, 0.05 * normalised.mean(axis=0), atol=1e-5)


def test_a_published_version_gives_the_same_rewards_elsewhere(make_spec):
    source, target, clips = RewardEnsemble(make_spec()), RewardEnsemble(make_spec(seed=9)), random_clips(10, 5)
    fitted = ObservationScaling.from_space(gym.spaces.Box(-np.inf, np.inf, (3,), np.float32)).fitted_to(
        clips.observations
    )
    source.scaling = fitted
    target.load(source.publish(2, source.member_rewards_of_clips(clips)))
    observations, actions = clips.observations[0], clips.actions[0]
    np.testing.assert_array_equal(target.rewards(observations, actions), source.rewards(observations, actions))
    assert target.version == 2 and target.scaling is fitted


def test_what_was_published_does_not_move_with_further_training(make_spec):
    ensemble, clips = RewardEnsemble(make_spec()), random_clips(4, 5)
    published = ensemble.publish(1, ensemble.member_rewards_of_clips(clips))
    kept = {name: weight.copy() for name, weight in published.weights.items()}
    follower = RewardEnsemble(make_spec())
    follower.load(published)
    before = follower.member_rewards_of_clips(clips)
    with torch.no_grad():
        for parameter in ensemble.network.parameters():
            parameter.add_(1.0)
    assert np.abs(ensemble.member_rewards_of_clips(clips) - before).max() > 0.1
    np.testing.assert_array_equal(follower.member_rewards_of_clips(clips), before)
    for name, weight in published.weights.items():
        np.testing.assert_array_equal(weight, kept[name])


def test_weights_of_another_ensemble_are_not_taken(make_spec):
    with pytest.raises(RuntimeError, match="size mismatch"):
        RewardEnsemble(make_spec()).load(RewardEnsemble(make_spec(members=2)).published())


@pytest.mark.parametrize("network", ["cnn", "keypoint_cnn"])
def test_clips_of_single_frames_give_what_their_stacks_give(make_spec, network):
    """The newest frame is the last of a stack."""
    space = gym.spaces.Box(0, 255, (48, 48, 3), np.uint8)
    ensemble = RewardEnsemble(make_spec(space, network=network))
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (2, 2 + 5, 48, 48), dtype=np.uint8)
    actions = rng.integers(0, 2, (2, 5))
    rewards = ensemble.member_rewards_of_clips(ClipArrays(frames, actions, frame_stack=3))
    for clip in range(2):
        stacks = np.stack([np.stack([frames[clip, step + age] for age in range(3)], axis=-1) for step in range(5)])
        expected = ensemble.member_rewards(stacks, actions[clip])
        np.testing.assert_allclose(rewards[:, clip], expected, rtol=1e-4, atol=1e-5)
    assert rewards.std() > 1e-3


@pytest.mark.parametrize("network", ["mlp", "cnn", "keypoint_cnn"])
def test_a_reward_of_the_observation_alone_does_not_see_actions(make_spec, network):
    image = gym.spaces.Box(0, 255, (48, 48, 2), np.uint8)
    space = gym.spaces.Box(-1.0, 1.0, (3,), np.float32) if network == "mlp" else image
    space.seed(0)
    observations = np.array([space.sample() for _ in range(4)])
    rewards = {
        inputs: [
            RewardEnsemble(make_spec(space, network=network, inputs=inputs)).rewards(observations, np.full(4, action))
            for action in (0, 1)
        ]
        for inputs in ("obs", "obs_action")
    }
    np.testing.assert_array_equal(*rewards["obs"])
    assert len(set(rewards["obs"][0].tolist())) == 4
    assert (rewards["obs_action"][0] != rewards["obs_action"][1]).all()


def test_clips_are_predicted_without_actions(make_spec):
    ensemble, clips = RewardEnsemble(make_spec(inputs="obs")), random_clips(4, 5)
    steps = ensemble.member_rewards(clips.observations[2], clips.actions[2])
    np.testing.assert_allclose(ensemble.member_rewards_of_clips(clips)[:, 2], steps, atol=1e-6)


def rollout_of_frames(steps: int, num_envs: int, begins: tuple[tuple[int, int], ...]) -> np.ndarray:
    """Stacks `[steps, num_envs, 44, 44, 4]` of random frames, cleared where an episode begins."""
    frames = np.random.default_rng(0).integers(0, 256, (steps + 3, num_envs, 44, 44), dtype=np.uint8)
    stacks = np.stack([np.stack(frames[step : step + 4], axis=-1) for step in range(steps)])
    for step, env in begins:
        for later in range(min(3, steps - step)):
            stacks[step + later, env, ..., : 3 - later] = 0
    return stacks


@pytest.mark.parametrize("begins", [(), ((5, 1),), ((0, 0), (1, 2), (9, 1)), ((3, 0), (5, 0))], ids=str)
def test_frames_read_once_are_rewarded_as_in_every_stack_they_are_in(make_spec, begins):
    spec = make_spec(gym.spaces.Box(0, 255, (44, 44, 4), np.uint8), network="keypoint_cnn")
    ensemble = RewardEnsemble(spec)
    observations, actions = rollout_of_frames(10, 3, begins), np.random.default_rng(1).integers(0, 2, (10, 3))
    expected = ensemble.rewards(observations.reshape(30, 44, 44, 4), actions.reshape(30)).reshape(10, 3)
    begun = np.zeros((10, 3), bool)
    for where in begins:
        begun[where] = True
    found = ensemble.rewards_of_rollout(list(observations), actions, begun)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)
    forgotten = ensemble.rewards_of_rollout(list(observations), actions, np.zeros((10, 3), bool))
    assert np.allclose(forgotten, expected, rtol=1e-4, atol=1e-7) == all(step == 0 for step, _ in begins)
