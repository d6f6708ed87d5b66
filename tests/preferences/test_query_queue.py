"""A queue that several processes share: leases, answers that count once, undo, and what is learnt from."""

import multiprocessing
import sqlite3
import threading

import pytest

from rlhp_ray.clips.episode_recorder import RecordedEpisode
from rlhp_ray.errors import LabellingError
from rlhp_ray.preferences import query_queue
from rlhp_ray.preferences.preference import Answer
from rlhp_ray.preferences.query_queue import LEASE_SECONDS, SETTLE_SECONDS, QueryQueue


class Clock:
    now = 1_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(query_queue, "time", made)
    return made


@pytest.fixture
def queue(tmp_path, make_clips, clock):
    made = QueryQueue(tmp_path / "labelling.sqlite")
    clips = make_clips(8)
    for age, (left, right) in enumerate(zip(clips[::2], clips[1::2], strict=True)):
        made.offer([(left.clip_id, right.clip_id)], [left, right], env_steps=100 * age)
    return made


def ids(queries) -> list[int]:
    return [query.query_id for query in queries]


def say(queue, query_id, labeller="ada", answer=Answer.LEFT, submission=None):
    return queue.answer(submission or f"{labeller}-{query_id}-{answer}", query_id, labeller, answer, 1.0)


def test_the_newest_policy_is_asked_about_first_and_nobody_gets_what_another_holds(queue):
    assert ids(queue.lease("ada", 2)) == [4, 3]
    assert ids(queue.lease("bob", 3)) == [2, 1]
    assert ids(queue.lease("ada", 4)) == [4, 3]


def test_a_pair_comes_back_when_its_person_has_left(queue, clock):
    assert ids(queue.lease("ada", 4)) == [4, 3, 2, 1]
    clock.now += LEASE_SECONDS - 1
    assert ids(queue.lease("ada", 1)) == [4]  # held on
    clock.now += 2
    assert ids(queue.lease("bob", 4)) == [3, 2, 1]


def test_a_lease_given_while_another_process_waited_for_the_file_is_respected(queue, clock):
    got = []

    def lease_as_bob():
        got.extend(ids(QueryQueue(queue.path).lease("bob", 4)))

    waits = threading.Thread(target=lease_as_bob)
    with sqlite3.connect(queue.path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        waits.start()
        waits.join(0.5)
        clock.now += 1
        other.execute("UPDATE queries SET leased_to = 'ada', leased_until_unix_s = ?", (clock.now + LEASE_SECONDS,))
        other.execute("COMMIT")
    waits.join()
    assert got == []


def test_what_a_person_holds_comes_before_what_is_new(queue, make_clips):
    queue.lease("ada", 1)
    left, right = make_clips(2, seed=1)
    queue.offer([(left.clip_id, right.clip_id)], [left, right], env_steps=900)
    assert ids(queue.lease("ada", 2)) == [4, 5]


def test_an_answer_sent_twice_counts_once_and_a_second_one_is_refused(queue):
    assert say(queue, 1, submission="s") is True
    assert say(queue, 1, submission="s") is False
    with pytest.raises(LabellingError, match="ada has answered query 1 already; undo that answer first"):
        say(queue, 1, answer=Answer.RIGHT)
    with pytest.raises(LabellingError, match="there is no query 77"):
        say(queue, 77)
    assert (queue.counts().answered, queue.counts().waiting) == (1, 3)


def test_undo_is_a_record_of_its_own_and_reaches_what_is_not_learnt_from(queue, clock):
    say(queue, 1)
    say(queue, 2)
    assert queue.undo("u1", "ada").query_id == 2
    assert queue.undo("u1", "ada").query_id == 2  # the same one, sent twice
    assert queue.undo("u2", "bob") is None
    assert queue.counts().answered == 1
    with sqlite3.connect(queue.path) as connection:
        assert connection.execute("SELECT count(*) FROM answers").fetchone() == (2,)
    clock.now += SETTLE_SECONDS + 1
    assert [given.query.query_id for given in queue.take_settled()] == [1]
    assert queue.undo("u3", "ada") is None
    assert say(queue, 2, answer=Answer.RIGHT) is True


def test_a_persons_last_answer_is_learnt_from_after_a_while_and_others_at_once(queue, clock):
    say(queue, 1)
    say(queue, 2, labeller="bob")
    assert queue.take_settled() == []
    say(queue, 3)
    assert [given.query.query_id for given in queue.take_settled()] == [1]
    clock.now += SETTLE_SECONDS + 1
    assert [(given.query.query_id, given.labeller) for given in queue.take_settled()] == [(2, "bob"), (3, "ada")]
    assert queue.take_settled() == []
    assert [given.query.query_id for given in queue.taken()] == [1, 2, 3]


def test_an_answer_that_comes_after_one_was_learnt_from_is_kept_but_not_learnt_from(queue):
    say(queue, 1)
    assert len(queue.take_settled(all_of_them=True)) == 1
    say(queue, 1, labeller="bob", answer=Answer.RIGHT)
    assert queue.take_settled(all_of_them=True) == []
    assert len(queue.answers_of("bob")) == 1


def test_old_pairs_are_withdrawn_and_answers_to_them_are_kept(queue, clock):
    queue.lease("ada", 1)
    queue.withdraw_older(400)
    assert queue.counts().waiting == 1
    assert say(queue, 1, labeller="late") is True
    assert [given.labeller for given in queue.take_settled(all_of_them=True)] == ["late"]


def test_a_pair_is_offered_once(queue, make_clips):
    left, right = make_clips(2)
    queue.offer([(left.clip_id, right.clip_id)], [left, right], env_steps=5000)
    assert len(queue.pairs()) == queue.counts().waiting == 4
    assert queue.clip(left.clip_id).clip_id == left.clip_id
    with pytest.raises(LabellingError, match="holds no clip nothing; expected one of a query"):
        queue.clip("nothing")


def label_all(path, labeller: str) -> None:
    queue = QueryQueue(path)
    while queries := queue.lease(labeller, 2):
        for query in queries:
            queue.answer(f"{labeller}-{query.query_id}", query.query_id, labeller, Answer.LEFT, 1.0)


def test_processes_at_once_answer_every_query_exactly_once(tmp_path, make_clips):
    path = tmp_path / "labelling.sqlite"
    clips = make_clips(80)
    pairs = [(left.clip_id, right.clip_id) for left, right in zip(clips[::2], clips[1::2], strict=True)]
    queue = QueryQueue(path)
    queue.offer(pairs, clips, 0)
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=label_all, args=(path, f"person{number}")) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    given = queue.take_settled(all_of_them=True)
    assert sorted(each.query.query_id for each in given) == list(range(1, 41))
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM answers").fetchone() == (40,)


@pytest.mark.parametrize("content", [b"no database at all, but text" * 100, None])
def test_a_foreign_file_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "labelling.sqlite"
    if content is None:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE other (x)")
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(LabellingError, match="Nothing in it was changed"):
        QueryQueue(path)
    assert path.read_bytes() == before


def test_the_newest_episode_alone_is_kept_to_watch(queue, make_clips):
    assert queue.newest_episode() is None
    first, second = make_clips(2)
    queue.show_episode(RecordedEpisode(first, 7, 3.5), 1000)
    old = queue.newest_episode()
    assert (old.run_env_steps, old.env_steps, old.true_return) == (1000, 7, 3.5)
    queue.show_episode(RecordedEpisode(second, 9, 4.5), 2000)
    new = queue.newest_episode()
    assert new.episode_id > old.episode_id and queue.episode_clip(new.episode_id).clip_id == second.clip_id
    with pytest.raises(LabellingError, match="expected the newest one"):
        queue.episode_clip(old.episode_id)


def test_a_clock_that_is_set_back_holds_nothing_up(queue, clock):
    """An hour: as long would a pair be kept for somebody, and a last answer not be learnt from."""
    queue.lease("ada", 2)
    say(queue, 4)
    clock.now -= 3600
    assert ids(queue.lease("bob", 4)) == [3, 2, 1]
    assert [given.query.query_id for given in queue.take_settled()] == [4]
    queue.withdraw_older(1000)
    assert queue.counts().waiting == 3, "what bob looks at now is not taken back"


def test_a_clock_that_jumps_forward_loses_and_doubles_nothing(queue, clock):
    queue.lease("ada", 2)
    clock.now += 3600
    assert ids(queue.lease("bob", 2)) == [4, 3], "the first lease has run out"
    assert say(queue, 4) and say(queue, 4, "bob"), "both had it before them: both are kept, one is learnt from"
    clock.now += SETTLE_SECONDS + 1
    assert [given.labeller for given in queue.take_settled()] == ["ada"]
    assert queue.take_settled() == []
