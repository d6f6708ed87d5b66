"""Pairs are offered, answers taken up once each, and the queue follows the run."""

import pytest

from rlhp_ray.preferences import query_queue
from rlhp_ray.preferences.people_collector import MAX_WAITING, PeopleCollector
from rlhp_ray.preferences.preference import Answer
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.query_queue import QueryQueue


@pytest.fixture
def queue(tmp_path):
    return QueryQueue(tmp_path / "labelling.sqlite")


@pytest.fixture
def collector(tmp_path, queue, make_clips):
    def make(clips=30, total_env_steps=1000) -> PeopleCollector:
        store = PreferenceStore(tmp_path / "preferences.sqlite", {"env_id": "x"})
        made = PeopleCollector(store, queue, 100, 0, "uniform", total_env_steps)
        made.pool.add(make_clips(clips))
        return made

    return make


@pytest.fixture(autouse=True)
def settled_at_once(monkeypatch):
    monkeypatch.setattr(query_queue, "SETTLE_SECONDS", -1.0)


def answer_all(queue, labeller="ada", answer=Answer.LEFT, limit=1000):
    queries = queue.lease(labeller, limit)
    for query in queries:
        queue.answer(f"{labeller}-{query.query_id}", query.query_id, labeller, answer, 1.0)
    return queries


def test_what_is_due_is_offered_once_and_nothing_is_answered_by_itself(collector, queue):
    made = collector()
    assert made.ask(5, 0).preferences == []
    assert made.ask(5, 100).preferences == []
    assert queue.counts().waiting == 5
    assert made.queries == 0


def test_answers_become_preferences_of_their_person_with_the_age_at_which_they_were_asked(collector, queue):
    made = collector()
    made.ask(3, 40)
    answer_all(queue, answer=Answer.EQUAL)
    answered = made.ask(3, 80)
    assert [(p.query_index, p.source, p.env_steps, p.answer) for p in answered.preferences] == [
        (number, "ada", 40, Answer.EQUAL) for number in range(3)
    ]
    assert {clip_id for p in answered.preferences for clip_id in (p.left_id, p.right_id)} == set(answered.clips)
    assert made._store.preferences() == answered.preferences
    assert made.ask(3, 80).preferences == []


def test_answers_count_towards_what_is_due_and_skips_do_too(collector, queue):
    made = collector()
    made.ask(4, 0)
    answer_all(queue, answer=Answer.SKIP)
    made.ask(6, 0)
    assert queue.counts().waiting == 2
    assert made.queries == 4


def test_no_pair_is_offered_twice_not_even_after_a_restart(collector, queue):
    made = collector(clips=4)
    made.ask(6, 0)
    assert queue.counts().waiting == 6  # of four clips there are no more
    again = collector(clips=4)
    again.replay(None)
    again.ask(20, 0)
    assert len({frozenset(pair) for pair in queue.pairs()}) == len(queue.pairs()) == 6


def test_the_queue_is_bounded(collector, queue):
    collector(clips=100).ask(1000, 0)
    assert queue.counts().waiting == MAX_WAITING


def test_pairs_of_a_policy_that_is_gone_are_replaced_unless_somebody_looks_at_them(collector, queue):
    made = collector(total_env_steps=1000)
    made.ask(5, 0)
    held = queue.lease("ada", 1)
    made.ask(5, 100)
    assert queue.counts().waiting == 5
    made.ask(5, 101)
    assert queue.counts().waiting == 5
    waiting = queue.lease("ada", 10)
    assert [query.env_steps for query in waiting] == [0, 101, 101, 101, 101]
    assert waiting[0] == held[0]


def test_answers_taken_by_a_run_that_died_are_stored_once_by_the_next(collector, queue):
    collector().ask(3, 0)
    queries = answer_all(queue)
    assert len(queue.take_settled()) == 3  # and the run is killed before it stores them
    again = collector()
    assert again.queries == 3
    stored = again._store.preferences()
    assert [(p.left_id, p.right_id) for p in stored] == [(query.left_id, query.right_id) for query in queries]
    assert collector().queries == 3
    assert again._store.preferences() == stored


def test_of_two_people_who_answered_one_query_the_first_counts(collector, queue, monkeypatch):
    made = collector()
    made.ask(1, 0)
    query = queue.lease("ada", 1)[0]
    queue.answer("late", query.query_id, "bob", Answer.RIGHT, 1.0)
    queue.answer("later", query.query_id, "ada", Answer.LEFT, 1.0)
    assert [(p.source, p.answer) for p in made.ask(1, 0).preferences] == [("bob", Answer.RIGHT)]
    assert made.ask(1, 0).preferences == []


def test_the_page_is_told_how_far_the_run_is(collector, queue):
    collector().ask(7, 300)
    assert queue.facts() == {"env_steps": 300, "due": 7}
