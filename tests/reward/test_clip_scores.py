"""Scores of saved clips by a reward that can be computed by hand."""

import math
from contextlib import closing
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

from rlhp_ray.clips.clip import Clip
from rlhp_ray.errors import PreferenceStoreError, RewardDataError
from rlhp_ray.preferences.preference import Answer, Preference
from rlhp_ray.preferences.preference_source import DatabaseSource
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.preference_subject import PreferenceSubject
from rlhp_ray.reward.clip_scores import agreement, score_clips
from rlhp_ray.reward.ensemble import PublishedReward, RewardEnsemble
from rlhp_ray.reward.inference import RewardFunction
from rlhp_ray.reward.normalisation import RewardNormaliser
from rlhp_ray.reward.rank_correlation import rank_correlation
from rlhp_ray.reward.space_json import space_to_dict

LINE, BUTTONS = gym.spaces.Box(-1.0, 1.0, (1,), np.float32), gym.spaces.Discrete(2)
SUBJECT = PreferenceSubject("on/Line-v0", 3, space_to_dict(LINE), space_to_dict(BUTTONS))
CLIPS = {  # observations, actions, true return
    "a": ([0.5, 0.5, 0.5], [0, 0, 0], 3.0),
    "b": ([-1, 0, 0.25], [0, 1, 1], 1.0),
    "c": ([0, 0, 0], [1, 1, 1], 2.0),
}


@pytest.fixture
def reward(make_spec) -> RewardFunction:
    """Members r = x and r = 2 x + 4 [a = 1], normalised by mean 0 and 1, std 1 and 2, times 0.5."""
    ensemble = RewardEnsemble(make_spec(LINE, BUTTONS, members=2, hidden_sizes=(), scale=0.5))
    weights = {
        "layers.0.weight": np.array([[1, 0, 0], [2, 0, 4]], np.float32)[:, :, None],
        "layers.0.bias": np.zeros((2, 1, 1), np.float32),
    }
    normaliser = RewardNormaliser(np.array([0, 1], np.float32), np.array([1, 2], np.float32), 0.5)
    ensemble.load(PublishedReward(1, weights, normaliser, ensemble.scaling))
    return RewardFunction(ensemble, "on/Line-v0")


@pytest.fixture
def source_of(tmp_path):
    """A database of these clips, with answers written as `left right answer`."""

    def make(*answers: str, clips=CLIPS, subject=SUBJECT, after: float | None = None) -> DatabaseSource:
        following = None if after is None else np.full(1, after, np.float32)
        made = {
            name: Clip(
                np.array(seen, np.float32)[:, None],
                np.array(done),
                np.full(3, total / 3, np.float32),
                env_steps=0,
                next_observation=following,
            )
            for name, (seen, done, total) in clips.items()
        }
        preferences = [
            Preference(number, made[left].clip_id, made[right].clip_id, Answer(answer), "oracle", 0)
            for number, (left, right, answer) in enumerate(text.split() for text in answers)
        ]
        with closing(PreferenceStore(tmp_path / "clips.sqlite", subject.to_metadata())) as store:
            store.record(preferences, made.values())
        return DatabaseSource(tmp_path / "clips.sqlite")

    return make


def test_returns_are_sums_of_normalised_rewards(reward, source_of):
    scores = sorted(score_clips(source_of(), reward), key=lambda score: -score.true_return)
    # Member 1: 0.5 * sum x. Member 2: 0.5 * sum (2 x + 4 [a = 1] - 1) / 2.
    np.testing.assert_allclose([score.member_returns for score in scores], [[0.75, 0.0], [0, 2.25], [-0.375, 0.875]])
    np.testing.assert_allclose([score.predicted_return for score in scores], [0.375, 1.125, 0.25])
    np.testing.assert_allclose([score.true_return for score in scores], [3, 2, 1], rtol=1e-6)


@pytest.fixture
def progress(make_spec) -> RewardFunction:
    """One member, r = x' - x."""
    ensemble = RewardEnsemble(make_spec(LINE, BUTTONS, members=1, hidden_sizes=(), inputs="obs_action_next_obs"))
    weights = {
        "layers.0.weight": np.array([[-1, 1, 0, 0]], np.float32)[:, :, None],
        "layers.0.bias": np.zeros((1, 1, 1), np.float32),
    }
    normaliser = RewardNormaliser(np.zeros(1, np.float32), np.ones(1, np.float32), 1.0)
    ensemble.load(PublishedReward(1, weights, normaliser, ensemble.scaling))
    return RewardFunction(ensemble, "on/Line-v0")


def test_a_reward_of_next_observations_sees_what_came_after_the_clip(progress, source_of):
    scores = sorted(score_clips(source_of(after=0.75), progress), key=lambda score: -score.true_return)
    np.testing.assert_allclose([score.predicted_return for score in scores], [0.25, 0.75, 1.75])  # of a, c, b


def test_clips_that_lack_what_came_after_them_are_refused_where_it_is_needed(progress, source_of):
    with pytest.raises(RewardDataError, match=r"clips\.sqlite, clip .* it lacks the observation .* sees next obs"):
        next(score_clips(source_of(), progress))


def test_agreement_counts_decided_answers_only(reward, source_of):
    source = source_of("a b left", "a c left", "b c right", "c a right", "a b equal", "b a skip")
    found = agreement({score.clip_id: score for score in score_clips(source, reward)}, source)
    # Predicted c > a > b, so that a over c is wrong, twice; ranks of a, b, c are 2, 1, 3 and truly 3, 1, 2.
    assert (found.pair_accuracy, found.decided) == (0.5, 4)
    assert found.rank_correlation == pytest.approx(0.5)


def test_without_a_decided_answer_there_is_no_accuracy(reward, source_of):
    source = source_of("a b equal")
    found = agreement({score.clip_id: score for score in score_clips(source, reward)}, source)
    assert math.isnan(found.pair_accuracy) and found.decided == 0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"observation_space": space_to_dict(gym.spaces.Box(-1.0, 1.0, (2,)))}, "has observation_space .*'shape': .2."),
        ({"action_space": space_to_dict(gym.spaces.Discrete(3))}, r"has action_space .* learnt in on/Line-v0, expects"),
    ],
)
def test_clips_of_other_spaces_are_refused(reward, source_of, change, expected):
    with pytest.raises(RewardDataError, match=expected):
        next(score_clips(source_of(subject=replace(SUBJECT, **change)), reward))


def test_a_source_without_clips_is_refused(reward, source_of):
    with pytest.raises(PreferenceStoreError, match=r"clips\.sqlite holds no clips"):
        next(score_clips(source_of(clips={}), reward))


@pytest.mark.parametrize("constant", [0, 1])
def test_a_constant_has_no_rank_correlation(constant):
    series = [np.arange(3.0), np.arange(3.0)]
    series[constant] = np.ones(3)
    assert math.isnan(rank_correlation(*series))
