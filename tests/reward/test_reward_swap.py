"""The reward swap on real vector environments: what the policy gets, and what it can never get."""

from itertools import pairwise

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlhp_ray.clips.clip import Clip, ClipArrays
from rlhp_ray.clips.episode_recorder import EpisodeRecorder
from rlhp_ray.clips.recorder import ClipRecorder
from rlhp_ray.config.loading import load_config
from rlhp_ray.config.validation import validate_run
from rlhp_ray.envs.game_infos import GAME_OVER_KEY, RAW_SCORE_KEY
from rlhp_ray.envs.registry import make_vector_env
from rlhp_ray.errors import RewardDataError
from rlhp_ray.preferences.preference import Preference
from rlhp_ray.preferences.teachers import SimulatedTeacher
from rlhp_ray.reward.ensemble import RewardEnsemble
from rlhp_ray.reward.ensemble_fitting import EnsembleFitter
from rlhp_ray.reward.labelled_pairs import LabelledPairs
from rlhp_ray.reward.observation_statistics import EVERY_CALL, Moments
from rlhp_ray.reward.reward_swap import (
    MAX_PENDING_EPISODES,
    TRUE_REWARD_KEY,
    EpisodeReturns,
    Harvest,
    RewardSwapVectorEnv,
)
from rlhp_ray.reward.run_ensemble import ensemble_spec
from rlhp_ray.reward.run_env import make_run_env

NUM_ENVS, HORIZON, CLIP_STEPS = 3, 10, 4
EPISODE = HORIZON + 1  # vector steps, the autoreset included


class Tampered(gym.vector.VectorWrapper):
    """Multiplies the environment's rewards, may spoil what it returns, and keeps what it returned."""

    def __init__(self, env, factor: float = 1.0, spoil=None) -> None:
        super().__init__(env)
        self.factor, self.spoil = factor, spoil
        self.shown: list[np.ndarray] = []
        self.paid: list[np.ndarray] = []

    def reset(self, **kwargs):
        observations, infos = self.env.reset(**kwargs)
        self.shown.append(observations.copy())
        return observations, infos

    def step(self, actions):
        observations, rewards, *ends, infos = self.env.step(actions)
        observations, rewards = observations.copy(), rewards * self.factor
        if self.spoil:
            self.spoil(observations, rewards)
        self.shown.append(observations.copy())
        self.paid.append(rewards.copy())
        return observations, rewards, *ends, infos


class Scored(gym.vector.VectorWrapper):
    """Tells of games of GAME vector steps in which each step wins 10 points; their ends are no ends of episodes."""

    GAME = 7

    def __init__(self, env) -> None:
        super().__init__(env)
        self.steps = 0

    def step(self, actions):
        *results, infos = self.env.step(actions)
        self.steps += 1
        over = np.full(self.num_envs, self.steps % self.GAME == 0)
        return *results, {**infos, RAW_SCORE_KEY: np.full(self.num_envs, 10.0), GAME_OVER_KEY: over}


@pytest.fixture
def swap(make_spec):
    """A swapped MovingDot, with an ensemble of some published version."""

    def make(
        factor=1.0,
        spoil=None,
        use_true_reward=False,
        horizon=HORIZON,
        inputs="obs_action",
        centres=False,
        episodes=None,
    ) -> RewardSwapVectorEnv:
        env = Tampered(make_vector_env("rlhp/MovingDot-v0", NUM_ENVS, horizon=horizon), factor, spoil)
        ensemble = RewardEnsemble(make_spec(env.single_observation_space, env.single_action_space, inputs=inputs))
        rng = np.random.default_rng(0)
        seen = rng.random((50, 2), np.float32)
        steps = ensemble.member_rewards(seen, rng.integers(0, 5, 50), seen)
        ensemble.publish(1, steps[:, None])
        recorder = ClipRecorder(NUM_ENVS, CLIP_STEPS, env.single_observation_space, env.single_action_space)
        return RewardSwapVectorEnv(env, ensemble, recorder, use_true_reward, centres, episodes)

    return make


def random_actions(steps: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 5, (steps, NUM_ENVS))


def rollout(env: RewardSwapVectorEnv, actions: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """All that a policy gets, `[steps, NUM_ENVS, ...]`, and the true reward of the infos."""
    observations, _ = env.reset(seed=seed)
    steps = []
    for action in actions:
        steps.append((observations, *env.step(action)))
        observations = steps[-1][1]
    names = ("before", "after", "rewards", "terminations", "truncations")
    gathered = {name: np.array([step[index] for step in steps]) for index, name in enumerate(names)}
    for key in (TRUE_REWARD_KEY, f"_{TRUE_REWARD_KEY}"):
        gathered[key] = np.array([step[5][key] for step in steps])
    return gathered


def predicted(env: RewardSwapVectorEnv, observations: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """By each member's own pass over single steps, normalised by hand: `[n]`."""
    ensemble = env._ensemble
    normaliser = ensemble.normaliser
    with torch.no_grad():
        rows = []
        for observation, action in zip(observations, actions, strict=True):
            scaled = torch.from_numpy((observation[None] * 2 - 1).astype(np.float32))  # MovingDot's bounds are 0 and 1
            one_hot = torch.nn.functional.one_hot(torch.tensor([int(action)]), 5).float()
            raw = ensemble.network(scaled, one_hot)[:, 0].numpy()
            rows.append(np.mean((raw - normaliser.mean) / normaliser.std) * normaliser.scale)
    return np.array(rows)


def test_rewards_are_the_prediction_of_the_observation_before_the_step_and_the_action(swap):
    env, actions = swap(), random_actions(HORIZON)
    result = rollout(env, actions)
    assert result["rewards"].dtype == np.float32
    for step in range(HORIZON):
        expected = predicted(env, env.env.shown[step], actions[step])
        np.testing.assert_allclose(result["rewards"][step], expected, atol=1e-5)
    after = predicted(env, env.env.shown[1], actions[0])
    assert np.abs(result["rewards"][0] - after).max() > 1e-4  # that of the observation after it is another


def test_rewards_of_next_observations_are_those_of_what_each_step_led_to(swap):
    """At the end of an episode too: what the last step showed, and not where the reset begins."""
    env, actions = swap(inputs="obs_action_next_obs"), random_actions(EPISODE + 2)
    result = rollout(env, actions)
    shown, ensemble = env.env.shown, env._ensemble
    assert result["truncations"][HORIZON - 1].all()
    for step in (0, 1, HORIZON - 1, EPISODE):
        expected = ensemble.rewards(shown[step], actions[step], shown[step + 1])
        np.testing.assert_allclose(result["rewards"][step], expected, atol=1e-5)
    assert (result["rewards"][HORIZON] == 0).all()
    afterwards = ensemble.rewards(shown[HORIZON - 1], actions[HORIZON - 1], shown[EPISODE])
    assert np.abs(afterwards - result["rewards"][HORIZON - 1]).max() > 0.01


def test_rewards_that_are_owed_are_those_of_what_each_step_led_to(swap):
    """Over the end of an episode, which every environment then leaves by a reset of its own."""
    actions = random_actions(EPISODE + 3)
    paid_at_once = rollout(swap(inputs="obs_action_next_obs"), actions)["rewards"]
    env = swap(inputs="obs_action_next_obs")
    env.reset(seed=0)
    for action in actions:
        env.advance(action)
    np.testing.assert_allclose(env.pay(), paid_at_once, atol=1e-6)


def test_the_observer_is_shown_the_observations_without_the_next_ones(swap):
    env = swap(inputs="obs_action_next_obs")
    rollout(env, random_actions(EPISODE))
    saw = env.drain(0).predictor_saw
    assert saw is not None and saw.mean.shape == (2,)


def test_the_last_step_of_a_clip_has_the_reward_that_the_policy_got(swap):
    env, actions = swap(inputs="obs_action_next_obs"), random_actions(2 * CLIP_STEPS)
    result = rollout(env, actions)
    clips = env.drain(0).clips
    assert len(clips) == 2 * NUM_ENVS
    ensemble = env._ensemble
    raw = ensemble.member_rewards_of_clips(ClipArrays.from_clips(clips))
    in_clips = ensemble.normaliser(raw.reshape(3, -1)).reshape(2, NUM_ENVS, CLIP_STEPS)
    got = result["rewards"].reshape(2, CLIP_STEPS, NUM_ENVS).swapaxes(1, 2)
    np.testing.assert_allclose(in_clips, got, atol=1e-5)


def test_observations_are_scaled_and_fit_the_space_that_is_declared(swap):
    env = swap()
    result = rollout(env, random_actions(5))
    np.testing.assert_allclose(result["before"], 2 * np.array(env.env.shown[:-1]) - 1, atol=1e-6)
    np.testing.assert_array_equal(result["after"][:-1], result["before"][1:])
    assert env.observation_space.shape == (NUM_ENVS, 2)
    assert all(env.observation_space.contains(observations) for observations in result["after"])


def test_the_true_reward_is_only_under_its_info_key(swap):
    env = swap()
    env.reset(seed=0)
    for action in random_actions(EPISODE + 3):
        _, rewards, _, _, infos = env.step(action)
        assert infos.keys() == {TRUE_REWARD_KEY, f"_{TRUE_REWARD_KEY}"}
        np.testing.assert_array_equal(infos[TRUE_REWARD_KEY], env.env.paid[-1])
        stepped = infos[f"_{TRUE_REWARD_KEY}"]
        assert (rewards != env.env.paid[-1])[stepped].all()


def test_the_autoreset_step_has_no_reward_and_is_marked(swap):
    result = rollout(swap(), random_actions(EPISODE + 2))
    assert np.flatnonzero(result["truncations"].all(axis=1)).tolist() == [HORIZON - 1]
    assert (result["rewards"][HORIZON] == 0).all() and (result["rewards"][HORIZON - 1] != 0).all()
    assert (result["rewards"][HORIZON + 1] != 0).all()
    assert np.flatnonzero(~result[f"_{TRUE_REWARD_KEY}"].any(axis=1)).tolist() == [HORIZON]


def test_true_returns_are_points_of_games_where_these_are_told(swap):
    """Of all steps of a game, also of that which RLlib takes for a reset; predictions and env steps leave it out."""
    env, actions = swap(), random_actions(3 * Scored.GAME)
    env.env = Scored(env.env)
    result = rollout(env, actions)
    episodes = env.drain(0).episodes
    assert len(episodes) == 3 * NUM_ENVS
    assert {episode.true_return for episode in episodes} == {10.0 * Scored.GAME}
    resets = result["truncations"].all(axis=1)[:-1].nonzero()[0] + 1
    lengths = [Scored.GAME - int(np.isin(np.arange(7 * game, 7 * game + 7), resets).sum()) for game in range(3)]
    assert [episode.env_steps for episode in episodes[::NUM_ENVS]] == lengths and Scored.GAME - 1 in lengths
    sums = result["rewards"].reshape(3, Scored.GAME, NUM_ENVS).sum(axis=1)
    np.testing.assert_allclose([episode.predicted_return for episode in episodes], sums.ravel(), rtol=1e-5)


def test_a_game_that_goes_on_through_resets_is_watched_as_one(make_spec):
    env = Scored(make_vector_env("rlhp/MovingDot-v0", NUM_ENVS, horizon=HORIZON))
    ensemble = RewardEnsemble(make_spec(env.single_observation_space, env.single_action_space))
    swapped = RewardSwapVectorEnv(env, ensemble, None, True, episodes=EpisodeRecorder())
    swapped.reset(seed=0)
    lengths = []
    for action in random_actions(7 * EPISODE):
        swapped.step(action)
        episode = swapped.drain(0).newest_episode
        if episode is not None:
            lengths.append((episode.env_steps, episode.true_return))
    # the fourth begins with a reset, which is no step of it; the last ends with one
    assert lengths == [(6, 60.0) if game == 3 else (7, 70.0) for game in range(EPISODE)]


def labelled_by_the_oracle(clips: list[Clip]) -> LabelledPairs:
    """Neighbouring clips compared by their true rewards."""
    rng = np.random.default_rng(0)
    preferences = [
        Preference(
            index,
            left.clip_id,
            right.clip_id,
            SimulatedTeacher().answer(left, right, rng),
            "oracle",
            0,
        )
        for index, (left, right) in enumerate(pairwise(clips))
    ]
    pairs = LabelledPairs.from_preferences(preferences, {clip.clip_id: clip for clip in clips})
    assert pairs is not None and len(set(pairs.mu_left)) > 1
    return pairs


def test_the_true_reward_can_never_reach_the_policy_or_the_reward_network(swap):
    """A game that pays a thousandfold: all that is learnt from stays the same to the bit, the teacher's side does not.

    The oracle's answers do not depend on the unit of the reward, so even the fitted networks are the same.
    """
    actions, results, harvests, weights = random_actions(5 * EPISODE), [], [], []
    for factor in (1.0, 1000.0):
        env = swap(factor=factor)
        results.append(rollout(env, actions))
        harvests.append(env.drain(env_steps=0))
        fitted = env._ensemble
        EnsembleFitter(fitted, 1e-2, 8, seed=0).fit(labelled_by_the_oracle(harvests[-1].clips), 3, 0)
        weights.append(fitted.published().weights)
    plain, rich = results
    for name in ("before", "after", "rewards", "terminations", "truncations"):
        np.testing.assert_array_equal(plain[name], rich[name])
    seen = [ClipArrays.from_clips(harvest.clips) for harvest in harvests]
    assert len(seen[0]) == len(seen[1]) == 5 * NUM_ENVS * (HORIZON // CLIP_STEPS)
    np.testing.assert_array_equal(seen[0].observations, seen[1].observations)
    np.testing.assert_array_equal(seen[0].actions, seen[1].actions)
    for name in weights[0]:
        np.testing.assert_array_equal(weights[0][name], weights[1][name])

    assert plain[TRUE_REWARD_KEY].any()
    np.testing.assert_array_equal(rich[TRUE_REWARD_KEY], 1000 * plain[TRUE_REWARD_KEY])
    taught = [np.array([clip.teacher_rewards for clip in harvest.clips]) for harvest in harvests]
    np.testing.assert_array_equal(taught[1], 1000 * taught[0])
    assert taught[0].any()


def test_the_baseline_passes_the_true_reward_through(swap):
    env = swap(use_true_reward=True)
    result = rollout(env, random_actions(EPISODE + 5))
    np.testing.assert_array_equal(result["rewards"], env.env.paid)
    assert result["rewards"].any() and result["rewards"].dtype == np.float32
    assert result[TRUE_REWARD_KEY].dtype == np.float64


def test_clips_hold_what_the_environment_showed_unscaled(swap):
    env, actions = swap(), random_actions(CLIP_STEPS)
    rollout(env, actions)
    clips = env.drain(env_steps=42).clips
    assert len(clips) == NUM_ENVS
    for row, clip in enumerate(clips):
        np.testing.assert_array_equal(clip.observations, np.array(env.env.shown[:CLIP_STEPS])[:, row])
        np.testing.assert_array_equal(clip.actions, actions[:, row])
        np.testing.assert_array_equal(clip.teacher_rewards, np.array(env.env.paid)[:, row])
        assert clip.env_steps == 42


def test_returns_are_those_of_whole_episodes(swap):
    env, actions = swap(), random_actions(2 * EPISODE + 4)
    result = rollout(env, actions)
    harvest = env.drain(0)
    assert harvest.env_steps == NUM_ENVS * (2 * HORIZON + 4)  # the autoresets are no steps
    assert len(harvest.episodes) == 2 * NUM_ENVS
    for index, episode in enumerate(harvest.episodes):
        start, row = EPISODE * (index // NUM_ENVS), index % NUM_ENVS
        steps = slice(start, start + HORIZON)
        assert episode.env_steps == HORIZON
        assert episode.true_return == pytest.approx(result[TRUE_REWARD_KEY][steps, row].sum())
        assert episode.predicted_return == pytest.approx(result["rewards"][steps, row].sum(), abs=1e-5)
    assert len({episode.true_return for episode in harvest.episodes}) > 1
    again = env.drain(0)
    assert (again.clips, again.episodes, again.env_steps) == ([], [], 0)


def test_the_newest_whole_episode_of_the_first_environment_can_be_watched(swap):
    env, actions = swap(episodes=EpisodeRecorder()), random_actions(2 * EPISODE + 4)
    result = rollout(env, actions)
    harvest = env.drain(0)
    episode, steps = harvest.newest_episode, slice(EPISODE, EPISODE + HORIZON)
    assert (episode.env_steps, len(episode.clip)) == (HORIZON, HORIZON)
    assert episode.true_return == pytest.approx(result[TRUE_REWARD_KEY][steps, 0].sum())
    assert episode.clip.actions.tolist() == actions[steps, 0].tolist()
    np.testing.assert_array_equal(episode.clip.observations, [shown[0] for shown in env.env.shown[steps]])
    assert env.drain(0).newest_episode is None
    assert Harvest.merged([Harvest([], [], 0), harvest]).newest_episode is episode
    rollout(env, random_actions(HORIZON - 1))
    assert env.drain(0).newest_episode is None  # one that has not ended


def test_returns_that_nobody_fetches_are_bounded(swap):
    env = swap(horizon=1)
    env.reset(seed=0)
    for action in random_actions(2 * (MAX_PENDING_EPISODES // NUM_ENVS + 5)):
        env.step(action)
    assert len(env.drain(0).episodes) == MAX_PENDING_EPISODES


def test_clips_that_the_recorder_dropped_are_counted_once(swap):
    env = swap()
    rollout(env, random_actions(HORIZON))
    env._recorder.dropped = 5
    assert [env.drain(0).clips_dropped for _ in range(2)] == [5, 0]


def test_a_reset_forgets_clips_and_returns_under_way(swap):
    env = swap()
    rollout(env, random_actions(CLIP_STEPS - 1))
    result = rollout(env, random_actions(HORIZON), seed=1)
    harvest = env.drain(0)
    assert len(harvest.clips) == NUM_ENVS * (HORIZON // CLIP_STEPS)
    np.testing.assert_array_equal(harvest.clips[0].observations[0], env.env.shown[CLIP_STEPS][0])
    assert [episode.env_steps for episode in harvest.episodes] == [HORIZON] * NUM_ENVS
    assert harvest.episodes[0].true_return == pytest.approx(result[TRUE_REWARD_KEY][:, 0].sum())


def test_a_reset_right_after_an_end_is_no_autoreset(swap):
    env = swap()
    rollout(env, random_actions(HORIZON))
    assert (rollout(env, random_actions(1))["rewards"] != 0).all()


def test_the_next_reset_takes_the_seed_that_was_set_and_only_that_one(swap):
    env = swap()
    wanted, _ = env.reset(seed=7)
    other, _ = env.reset(seed=8)
    env.reset_with(7)
    np.testing.assert_array_equal(env.reset(seed=8)[0], wanted)
    np.testing.assert_array_equal(env.reset(seed=8)[0], other)
    assert not np.array_equal(wanted, other)


def test_a_version_is_applied_from_the_next_step_on(swap, make_spec):
    env, actions = swap(), random_actions(2)
    other = RewardEnsemble(make_spec(env.env.single_observation_space, env.env.single_action_space, seed=9))
    other.version = 5
    assert env.reward_version == 1
    env.reset(seed=0)
    env.step(actions[0])
    env.apply_reward(other.published())
    assert env.reward_version == 5
    _, rewards, _, _, _ = env.step(actions[1])
    np.testing.assert_allclose(rewards, other.rewards(env.env.shown[1], actions[1]), atol=1e-6)


def test_owed_rewards_are_those_of_single_steps(swap, monkeypatch):
    actions = random_actions(3 * EPISODE)
    stepped = rollout(swap(), actions)
    env = swap()
    before = [env.reset(seed=0)[0]]
    monkeypatch.setattr("rlhp_ray.reward.reward_swap.MAX_UNPAID_STEPS", 4 * NUM_ENVS)
    paid, ends = [], []
    for index, action in enumerate(actions):
        observations, terminations, truncations = env.advance(action)
        before.append(observations)
        ends.append(terminations | truncations)
        if index in (1, 11):
            paid.append(env.pay())
    paid.append(env.pay())
    assert [len(part) for part in paid] == [2, 10, len(actions) - 12]
    np.testing.assert_allclose(np.concatenate(paid), stepped["rewards"], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(before[:-1], stepped["before"])
    np.testing.assert_array_equal(ends, stepped["terminations"] | stepped["truncations"])
    assert env.pay().shape == (0, NUM_ENVS), "nothing is paid twice"


def test_episodes_that_are_owed_are_counted_like_stepped_ones(swap):
    actions = random_actions(2 * EPISODE)
    stepped, owed = swap(), swap()
    rollout(stepped, actions)
    owed.reset(seed=0)
    for action in actions:
        owed.advance(action)
    owed.pay()
    mine, other = owed.drain(0), stepped.drain(0)
    assert mine.env_steps == other.env_steps
    assert [clip.clip_id for clip in mine.clips] == [clip.clip_id for clip in other.clips]
    for one, two in zip(mine.episodes, other.episodes, strict=True):
        assert (one.true_return, one.env_steps) == (two.true_return, two.env_steps)
        assert one.predicted_return == pytest.approx(two.predicted_return, rel=1e-5)


def test_few_steps_are_owed_at_a_time(swap, monkeypatch):
    monkeypatch.setattr("rlhp_ray.reward.reward_swap.MAX_UNPAID_STEPS", 4 * NUM_ENVS)
    env = swap()
    env.reset(seed=0)
    for action in random_actions(50):
        env.advance(action)
        assert len(env._unpaid) < 4


def test_an_environment_that_reuses_its_arrays_is_paid_for_what_it_showed(swap):
    actions, shown = random_actions(2 * EPISODE), np.zeros((NUM_ENVS, 2), np.float32)
    expected = rollout(swap(), actions)["rewards"]
    env = swap()
    inner_step = env.env.step

    def step_into_one_array(action):
        observations, *rest = inner_step(action)
        shown[:] = observations
        return shown, *rest

    env.env.step = step_into_one_array
    env.reset(seed=0)
    for action in actions:
        env.advance(action)
    np.testing.assert_allclose(env.pay(), expected, rtol=1e-5, atol=1e-6)


def test_what_is_owed_is_paid_under_the_version_it_was_earned_under(swap):
    env = swap()
    env.reset(seed=0)
    env.advance(random_actions(1)[0])
    with pytest.raises(AssertionError, match="still to be paid"):
        env.apply_reward(env._ensemble.published())


def test_a_reset_forgets_what_is_owed(swap):
    env = swap()
    env.reset(seed=0)
    env.advance(random_actions(1)[0])
    env.reset(seed=0)
    assert env.pay().shape == (0, NUM_ENVS)


def test_rewards_that_are_not_finite_are_a_typed_error(swap):
    for bad in (np.nan, np.inf):

        def spoil(_observations, rewards, bad=bad) -> None:
            rewards[1] = bad

        env = swap(spoil=spoil)
        env.reset(seed=0)
        with pytest.raises(RewardDataError, match="the environment returned the rewards"):
            env.step(random_actions(1)[0])


def test_observations_that_are_not_finite_are_a_typed_error(swap):
    def spoil(observations, _rewards) -> None:
        observations[1] = np.nan

    env = swap(spoil=spoil)
    env.reset(seed=0)
    with pytest.raises(RewardDataError, match=r"the observations of its copies \[1\]"):
        env.step(random_actions(1)[0])


def test_without_a_recorder_nothing_is_recorded(swap):
    whole = swap()
    env = RewardSwapVectorEnv(whole.env, whole._ensemble, None, False)
    rollout(env, random_actions(HORIZON))
    harvest = env.drain(0)
    assert harvest.clips == [] and len(harvest.episodes) == NUM_ENVS


def test_the_observations_of_the_reward_networks_are_measured_once(swap):
    """As they enter the networks: scaled, before the step, of all environments at every 13th step."""
    env = swap()
    result = rollout(env, random_actions(2 * EVERY_CALL))
    seen = result["before"][[0, EVERY_CALL]].reshape(-1, 2)
    found = env.drain(0).predictor_saw
    assert found.count == len(seen)
    np.testing.assert_allclose(found.mean, seen.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(found.std, seen.std(axis=0), atol=1e-6)
    assert env.drain(0).predictor_saw is None


def test_what_runners_saw_is_merged():
    parts = [Moments.of(np.array([[value]])) for value in (1.0, 5.0)]
    nothing = Harvest([], [], 0)
    merged = Harvest.merged([nothing, *(Harvest([], [], 0, 0, part, part) for part in parts), nothing])
    for found in (merged.predictor_saw, merged.policy_saw):
        assert (found.count, found.mean, found.std) == (2, 3.0, 2.0)
    assert Harvest.merged([nothing]).predictor_saw is None


def test_harvests_are_merged_in_order():
    episodes = [EpisodeReturns(float(i), 0.0, 1) for i in range(3)]
    clips = [Clip(np.zeros((1, 1)), np.zeros(1), np.zeros(1), i) for i in range(3)]
    merged = Harvest.merged([Harvest(clips[:2], episodes[:1], 5, 1), Harvest(clips[2:], episodes[1:], 7, 3)])
    assert (merged.clips, merged.episodes, merged.env_steps, merged.clips_dropped) == (clips, episodes, 12, 4)
    nothing = Harvest.merged([])
    assert (nothing.clips, nothing.episodes, nothing.env_steps, nothing.clips_dropped) == ([], [], 0, 0)


@pytest.mark.parametrize("steps", [EPISODE - 3, 2 * EPISODE])
def test_a_rollout_is_centred_over_the_steps_that_were_taken_and_resets_stay_at_zero(steps, swap):
    plain, centred = swap(), swap(centres=True)
    for env in (plain, centred):
        env.reset(seed=0)
        for action in random_actions(steps):
            env.advance(action)
    raw, rewards = plain.pay_rollout(), centred.pay_rollout()
    is_reset = np.zeros_like(raw, bool)
    is_reset[HORIZON::EPISODE] = True
    assert np.all(rewards[is_reset] == 0)
    np.testing.assert_allclose(rewards[~is_reset], raw[~is_reset] - raw[~is_reset].mean(), atol=1e-6)
    assert abs(raw[~is_reset].mean()) > 0.01, "there is nothing to take off"
    assert centred.pay_rollout().shape == (0, NUM_ENVS)


def test_single_steps_and_returns_are_not_centred_and_neither_is_the_true_reward(swap):
    for settings in ({}, {"use_true_reward": True}):
        plain, centred = swap(**settings), swap(**settings, centres=True)
        results = [rollout(env, random_actions(HORIZON))["rewards"] for env in (plain, centred)]
        np.testing.assert_array_equal(*results)
        assert plain.drain(0).episodes == centred.drain(0).episodes
    env = swap(use_true_reward=True, centres=True)
    env.reset(seed=0)
    for action in random_actions(HORIZON):
        env.advance(action)
    np.testing.assert_array_equal(env.pay_rollout(), np.array(env.env.paid, np.float32))


def test_stacks_are_read_frame_by_frame_with_the_same_rewards(monkeypatch):
    overrides = ["reward.network=keypoint_cnn", "env.horizon=7", "preferences.clip_steps=5"]
    run = load_config("moving_dot_pixels", overrides)
    description = validate_run(run)
    ensemble = RewardEnsemble(ensemble_spec(run, description))
    env = make_run_env(run, description, ensemble, num_envs=NUM_ENVS, use_true_reward=False, records=True)
    whole = []
    monkeypatch.setattr(ensemble, "rewards", lambda *_: whole.append(1))
    shown, actions = [env.reset(seed=0)[0]], random_actions(20)
    for action in actions:
        shown.append(env.advance(action)[0])
    paid = env.pay()
    assert not whole, "stacks were read whole"
    monkeypatch.undo()
    assert (paid == 0).any(axis=1).sum() == 2, "two automatic resets"
    expected = ensemble.rewards(np.concatenate(shown[:-1]), actions.reshape(-1)).reshape(20, NUM_ENVS)
    np.testing.assert_allclose(paid[paid != 0], expected[paid != 0], rtol=1e-4, atol=1e-6)
    assert env.drain(0).predictor_saw is not None
