"""Labels as training data: joined with their clips, bounded, and held out by a draw that never changes."""

import math
from contextlib import closing
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from rlhp_ray.clips.clip import Clip
from rlhp_ray.errors import RewardDataError
from rlhp_ray.preferences.preference import Answer, Preference
from rlhp_ray.preferences.preference_copying import merge_preferences
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.preference_subject import PreferenceSubject
from rlhp_ray.reward.labelled_pairs import LabelledPairBuffer, LabelledPairs, bootstrap_weights


def numbered_pairs(queries: range, steps: int = 2) -> LabelledPairs:
    """Pairs whose left clip shows the number of the query and whose right clip shows its negative."""
    clips, preferences = {}, []
    for query in queries:
        sides = [
            Clip(np.full((steps, 1), sign * (query + 1.0)), np.zeros(steps, int), np.zeros(steps), 0)
            for sign in (1, -1)
        ]
        clips |= {clip.clip_id: clip for clip in sides}
        preferences.append(Preference(query, sides[0].clip_id, sides[1].clip_id, Answer.LEFT, "oracle", 0))
    pairs = LabelledPairs.from_preferences(preferences, clips)
    assert pairs is not None
    return pairs


def add_in_rounds(buffer: LabelledPairBuffer, rounds: int, per_round: int, fit_between: bool) -> None:
    for index in range(rounds):
        buffer.add(numbered_pairs(range(index * per_round, (index + 1) * per_round)))
        if fit_between:
            buffer.all()


def test_preferences_are_joined_with_the_clips_of_their_sides():
    pairs = numbered_pairs(range(3, 6))
    assert pairs.query_index.tolist() == [3, 4, 5]
    assert pairs.left.observations[:, 0, 0].tolist() == [4, 5, 6]
    assert pairs.right.observations[:, 0, 0].tolist() == [-4, -5, -6]


def test_labels_are_targets_and_skipped_queries_are_left_out():
    clip = Clip(np.zeros((2, 1)), np.zeros(2, int), np.zeros(2), 0)
    preferences = [Preference(i, clip.clip_id, clip.clip_id, answer, "x", 0) for i, answer in enumerate(Answer)]
    pairs = LabelledPairs.from_preferences(preferences, {clip.clip_id: clip})
    by_answer = dict(zip(Answer, range(4), strict=True))
    assert len(pairs) == 3 and by_answer[Answer.SKIP] not in pairs.query_index
    assert dict(zip(pairs.query_index.tolist(), pairs.mu_left.tolist(), strict=True)) == {
        by_answer[Answer.LEFT]: 1.0,
        by_answer[Answer.RIGHT]: 0.0,
        by_answer[Answer.EQUAL]: 0.5,
    }


def test_nothing_but_skipped_queries_gives_none():
    assert LabelledPairs.from_preferences([Preference(0, "a", "b", Answer.SKIP, "x", 0)], {}) is None
    assert LabelledPairs.from_preferences([], {}) is None


def test_training_data_has_no_place_for_a_reward():
    assert {field.name for field in fields(LabelledPairs)} == {"left", "right", "mu_left", "query_index", "weight"}


def test_bootstrap_weights_are_poisson_of_mean_one():
    weights = bootstrap_weights(0, np.arange(4000), members=3)
    assert weights.shape == (3, 4000) and weights.dtype == np.float32
    draws = weights.size
    for count, probability in ((0, 1 / math.e), (1, 1 / math.e), (2, 0.5 / math.e)):
        deviation = math.sqrt(probability * (1 - probability) / draws)
        assert abs((weights == count).mean() - probability) < 4 * deviation, count
    assert abs(weights.mean() - 1) < 4 / math.sqrt(draws)


def test_members_draw_independently():
    weights = bootstrap_weights(0, np.arange(4000), members=3)
    correlations = np.corrcoef(weights)[np.triu_indices(3, 1)]
    assert np.abs(correlations).max() < 4 / math.sqrt(4000)


def test_the_draw_depends_on_seed_and_query_alone():
    whole = bootstrap_weights(7, np.arange(100), 3)
    np.testing.assert_array_equal(bootstrap_weights(7, np.array([90, 3, 41]), 3), whole[:, [90, 3, 41]])
    assert (bootstrap_weights(8, np.arange(100), 3) != whole).any()


def test_a_label_never_moves_between_training_and_validation():
    """Whatever arrives later, and whatever leaves the window for it."""
    held_out: dict[tuple[int, int], bool] = {}
    buffer = LabelledPairBuffer(25)
    for start in range(0, 60, 10):
        buffer.add(numbered_pairs(range(start, start + 10)))
        kept = buffer.all().query_index
        for member, row in enumerate(bootstrap_weights(0, kept, 2) == 0):
            for query, out in zip(kept.tolist(), row.tolist(), strict=True):
                assert held_out.setdefault((member, query), out) == out
    assert set(held_out.values()) == {True, False}


def test_the_buffer_joins_rounds_in_order():
    buffer = LabelledPairBuffer(None)
    add_in_rounds(buffer, rounds=3, per_round=4, fit_between=False)
    whole = buffer.all()
    assert len(buffer) == len(whole) == 12
    assert whole.query_index.tolist() == list(range(12))
    assert whole.left.observations[:, 0, 0].tolist() == list(range(1, 13))
    assert whole.right.observations[:, 0, 0].tolist() == list(range(-1, -13, -1))


def test_the_buffer_keeps_the_newest_labels():
    buffer = LabelledPairBuffer(20)
    add_in_rounds(buffer, rounds=10, per_round=5, fit_between=False)
    assert buffer.all().query_index.tolist() == list(range(30, 50))


def test_the_buffer_stays_bounded_when_it_is_fitted_to_after_every_round():
    buffer = LabelledPairBuffer(20)
    add_in_rounds(buffer, rounds=10, per_round=5, fit_between=True)
    assert buffer.all().query_index.tolist() == list(range(30, 50))


def test_without_a_window_all_labels_are_kept():
    buffer = LabelledPairBuffer(None)
    add_in_rounds(buffer, rounds=2, per_round=1600, fit_between=False)
    assert buffer.all().query_index.tolist() == list(range(3200))


def test_a_weight_stays_with_its_label():
    clips = {name: Clip(np.full((2, 1), ord(name)), np.zeros(2, int), np.zeros(2), 0) for name in "ab"}
    sources = ("oracle", "anna", "bert", "anna", "oracle")
    preferences = [Preference(i, "a", "b", Answer.LEFT, source, 0) for i, source in enumerate(sources)]
    buffer = LabelledPairBuffer(3)
    for round_of in (preferences[:3], preferences[3:]):
        pairs = LabelledPairs.from_preferences(round_of, clips, {"anna": 2.0, "bert": 0.25})
        assert pairs is not None and pairs.weight.dtype == np.float32
        buffer.add(pairs)
    assert buffer.all().query_index.tolist() == [2, 3, 4]
    assert buffer.all().weight.tolist() == [0.25, 2.0, 1.0]


def test_every_source_weighs_1_by_default():
    assert numbered_pairs(range(3)).weight.tolist() == [1, 1, 1]


def test_the_buffer_is_cut_within_a_round():
    buffer = LabelledPairBuffer(7)
    buffer.add(numbered_pairs(range(10)))
    assert buffer.all().query_index.tolist() == list(range(3, 10))
    add_in_rounds(buffer, rounds=2, per_round=5, fit_between=False)
    whole = buffer.all()
    assert whole.query_index.tolist() == [3, 4, 5, 6, 7, 8, 9]
    assert whole.left.observations[:, 0, 0].tolist() == [4, 5, 6, 7, 8, 9, 10]
    assert whole.right.actions.shape == (7, 2)


@pytest.mark.parametrize("per_round", [1, 3, 7, 20, 33])
@pytest.mark.parametrize("window", [None, 20])
def test_whatever_comes_in_rounds_is_what_would_have_come_at_once(per_round, window):
    buffer = LabelledPairBuffer(window)
    for end in range(per_round, 200, per_round):
        buffer.add(numbered_pairs(range(end - per_round, end)))
        first = 0 if window is None else max(0, end - window)
        expected, kept = numbered_pairs(range(first, end)), buffer.all()
        assert len(buffer) == len(kept) == end - first
        for side, wanted in ((kept.left, expected.left), (kept.right, expected.right)):
            np.testing.assert_array_equal(side.observations, wanted.observations)
            np.testing.assert_array_equal(side.actions, wanted.actions)
        np.testing.assert_array_equal(kept.query_index, expected.query_index)


def test_full_windows_take_new_labels_without_moving_the_others_each_time():
    buffer = LabelledPairBuffer(1000)
    buffer.add(numbered_pairs(range(1000)))
    places = []
    for query in range(1000, 2000):
        buffer.add(numbered_pairs(range(query, query + 1)))
        places.append(buffer.all().left.observations.__array_interface__["data"][0])
    returns_to_the_front = sum(later < before for before, later in pairwise(places))
    assert len(set(places)) <= 252 and returns_to_the_front <= 4


def test_what_actions_led_to_is_kept_unless_a_clip_lacks_it():
    buffer = LabelledPairBuffer(5)
    for query in range(7):
        buffer.add(pair_that_led_to(query, np.full(1, query + 0.5)))
    assert buffer.all().left.next_observation[:, 0].tolist() == [2.5, 3.5, 4.5, 5.5, 6.5]
    buffer.add(pair_that_led_to(7, None))
    assert buffer.all().left.next_observation is None and len(buffer) == 5


def pair_that_led_to(query: int, following: np.ndarray | None) -> LabelledPairs:
    clip = Clip(np.zeros((2, 1)), np.zeros(2, int), np.zeros(2), 0, next_observation=following)
    label = Preference(query, clip.clip_id, clip.clip_id, Answer.LEFT, "oracle", 0)
    pairs = LabelledPairs.from_preferences([label], {clip.clip_id: clip})
    assert pairs is not None
    return pairs


def test_clips_of_another_length_are_refused():
    buffer = LabelledPairBuffer(None)
    buffer.add(numbered_pairs(range(2), steps=5))
    with pytest.raises(RewardDataError, match="clips of 4 steps; expected 5"):
        buffer.add(numbered_pairs(range(2, 4), steps=4))
    assert len(buffer) == 2


def stored_answers(path: Path, pairs: list[tuple[int, int]], turned: bool = False) -> Path:
    """A database in which the oracle prefers the clip of the smaller number, shown on the left unless turned."""
    clips = [Clip(np.full((2, 1), i, np.float32), np.zeros(2, int), np.zeros(2), 0) for i in range(20)]
    preferences = []
    for query, (better, worse) in enumerate(pairs):
        left, right = (worse, better) if turned else (better, worse)
        answer = Answer.RIGHT if turned else Answer.LEFT
        preferences.append(Preference(query, clips[left].clip_id, clips[right].clip_id, answer, "oracle", 0))
    store = PreferenceStore(path, SUBJECT.to_metadata())
    store.record(preferences, clips)
    store.close()
    return path


SUBJECT = PreferenceSubject("x", 2, {"type": "Box", "shape": [1]}, {"type": "Discrete", "n": 2})


def test_merging_moves_no_label_between_training_and_validation_and_none_is_in_both(tmp_path):
    """Of the source whose run goes on, which is named first; a duplicate under a second number could be in both."""
    pairs = [(i, j) for i in range(20) for j in range(i + 1, 20)]
    first = stored_answers(tmp_path / "first.sqlite", pairs[:60])
    same = stored_answers(tmp_path / "same.sqlite", pairs[30:90])
    turned = stored_answers(tmp_path / "turned.sqlite", pairs[:120], turned=True)
    report = merge_preferences(tmp_path / "merged.sqlite", [first, same, turned, first])
    assert (report.preferences, report.duplicates) == (120, 30 + 90 + 60)

    def held_out(path: Path) -> dict[tuple, list[bool]]:
        with closing(PreferenceStore(path, SUBJECT.to_metadata())) as store:
            labels = store.preferences()
        assert len({p.judgement for p in labels}) == len({p.query_index for p in labels}) == len(labels)
        drawn = bootstrap_weights(0, np.array([p.query_index for p in labels]), 3) == 0
        return {p.judgement: column.tolist() for p, column in zip(labels, drawn.T, strict=True)}

    before, after = held_out(first), held_out(tmp_path / "merged.sqlite")
    assert {judgement: after[judgement] for judgement in before} == before
    assert len(after) == 120
