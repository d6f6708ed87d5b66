"""Pairs by which people are checked: when they come, and that nothing is learnt from them."""

import sqlite3
from contextlib import closing

import pytest

from rlhp_ray.errors import LabellingError, PreferenceStoreError
from rlhp_ray.preferences.check_queries import PAIRS_APART, CheckKind, GoldPair
from rlhp_ray.preferences.gold_pairs import offer_gold
from rlhp_ray.preferences.judgements import read_judgements
from rlhp_ray.preferences.preference import Answer, Preference
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.query_queue import QueryQueue

PAIRS = 30


@pytest.fixture
def queue(tmp_path, make_clips):
    with closing(QueryQueue(tmp_path / "labelling.sqlite")) as made:
        clips = make_clips(2 * PAIRS)
        for left, right in zip(clips[::2], clips[1::2], strict=True):
            made.offer([(left.clip_id, right.clip_id)], [left, right], env_steps=7)
        yield made


def answer_next(queue, labeller="ada", answer=Answer.LEFT):
    query = queue.lease(labeller, 1)[0]
    queue.answer(f"{labeller}-{query.query_id}", query.query_id, labeller, answer, 1.0)
    return query


def checks(queue, kind) -> list:
    return [each for each in read_judgements(queue.path) if each.check is kind]


def test_without_a_rate_there_are_none(queue):
    assert len({answer_next(queue).query_id for _ in range(PAIRS)}) == PAIRS
    assert queue.lease("ada", 4) == [] and all(each.check is None for each in read_judgements(queue.path))


def test_repeats_swap_the_sides_come_at_their_rate_and_are_not_learnt_from(queue):
    queue.state_facts({"repeat_rate": 0.2})
    seen = [answer_next(queue) for _ in range(PAIRS)]
    repeats = checks(queue, CheckKind.REPEAT)
    assert len(repeats) == PAIRS // 5  # due ones that find no pair old enough come later
    order = [(query.left_id, query.right_id) for query in seen]
    for repeat in repeats:
        apart = order.index((repeat.left_id, repeat.right_id)) - order.index((repeat.right_id, repeat.left_id))
        assert apart >= PAIRS_APART and repeat.expected is Answer.RIGHT
    assert len({repeat.pair for repeat in repeats}) == len(repeats)
    learnt = queue.take_settled(all_of_them=True)
    assert len(learnt) == queue.counts().answered == PAIRS - len(repeats)
    assert len(queue.answers_of("ada")) == PAIRS


def test_gold_is_shown_to_everybody_once(queue, make_clips):
    clips = make_clips(4, seed=1)
    ids = [clip.clip_id for clip in clips]
    queue.offer_gold([GoldPair(ids[0], ids[1], Answer.LEFT), GoldPair(ids[2], ids[3], Answer.RIGHT)], clips)
    queue.state_facts({"gold_rate": 0.25})
    for labeller in ("ada", "bob"):
        for _ in range(15):
            answer_next(queue, labeller)
        found = [each for each in checks(queue, CheckKind.GOLD) if each.labeller == labeller]
        assert {(each.pair, each.expected) for each in found} == {
            ((min(ids[:2]), max(ids[:2])), Answer.LEFT),
            ((min(ids[2:]), max(ids[2:])), Answer.RIGHT),
        }
    assert queue.clip(ids[0]).clip_id == ids[0]


def test_overlap_shows_what_another_person_answered(queue):
    for _ in range(10):
        answer_next(queue, "ada")
    queue.state_facts({"overlap_rate": 0.3})
    for _ in range(20):
        answer_next(queue, "bob", Answer.RIGHT)
    found = checks(queue, CheckKind.OVERLAP)
    assert len(found) == 6 and {each.labeller for each in found} == {"bob"}
    first = {each.pair for each in read_judgements(queue.path) if each.labeller == "ada"}
    assert {each.pair for each in found} <= first and len({each.pair for each in found}) == 6


def test_an_open_check_comes_again_until_it_is_answered_and_is_nobody_elses(queue):
    queue.state_facts({"repeat_rate": 0.3})
    for _ in range(PAIRS_APART + 1):
        answer_next(queue)
    held = queue.lease("ada", 4)
    assert queue.lease("ada", 4) == held and len(held) == 4
    check = held[0]
    with pytest.raises(LabellingError, match="there is no query"):
        queue.answer("bob-1", check.query_id, "bob", Answer.LEFT, 1.0)
    assert queue.answer("again", check.query_id, "ada", Answer.SKIP, 1.0)
    assert not queue.answer("again", check.query_id, "ada", Answer.SKIP, 1.0)
    with pytest.raises(LabellingError, match=r"answered query \d+ already"):
        queue.answer("other", check.query_id, "ada", Answer.LEFT, 1.0)


def test_undo_takes_back_what_was_answered_last_be_it_a_check_or_not(queue):
    queue.state_facts({"repeat_rate": 0.3})
    before = [answer_next(queue) for _ in range(PAIRS_APART + 1)][-1]
    check = answer_next(queue)
    assert len(checks(queue, CheckKind.REPEAT)) == 1
    assert queue.undo("u1", "ada") == queue.undo("u1", "ada") == check
    assert checks(queue, CheckKind.REPEAT) == []
    assert queue.undo("u2", "ada") == before
    assert queue.lease("ada", 1) == [check]


def test_a_queue_of_before_gets_what_it_lacks(queue):
    with closing(sqlite3.connect(queue.path)) as connection, connection:
        for kind, name in (("VIEW", "standing_checks"), ("TABLE", "check_undos"), ("TABLE", "check_answers")):
            connection.execute(f"DROP {kind} {name}")
        connection.execute("DROP TABLE checks")
    assert read_judgements(queue.path) == []
    with closing(QueryQueue(queue.path)) as opened:
        opened.state_facts({"repeat_rate": 0.3})
        answer_next(opened)
    assert len(read_judgements(queue.path)) == 1


def test_gold_is_read_from_saved_preferences_about_the_same(queue, tmp_path, make_clips, vector_subject):
    clips = make_clips(6, seed=2)
    ids = [clip.clip_id for clip in clips]
    said = [Answer.LEFT, Answer.SKIP, Answer.EQUAL]
    pairs = zip(ids[::2], ids[1::2], said, strict=True)
    with closing(PreferenceStore(tmp_path / "gold.sqlite", vector_subject.to_metadata())) as store:
        store.record([Preference(i, left, right, each, "me", 0) for i, (left, right, each) in enumerate(pairs)], clips)
    assert offer_gold(queue, tmp_path / "gold.sqlite", vector_subject) == 1
    with closing(PreferenceStore(tmp_path / "vague.sqlite", vector_subject.to_metadata())) as store:
        store.record([Preference(0, ids[0], ids[1], Answer.EQUAL, "me", 0)], clips)
    with pytest.raises(PreferenceStoreError, match="holds no pair of which one clip was preferred"):
        offer_gold(queue, tmp_path / "vague.sqlite", vector_subject)
