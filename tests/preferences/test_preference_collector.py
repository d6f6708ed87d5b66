"""Asks exactly what is due, the same for the same seed, and nothing twice."""

import itertools

import pytest

from rlhp_ray.errors import PreferenceStoreError, TeacherError
from rlhp_ray.preferences.pair_collector import RECENT_CLIPS
from rlhp_ray.preferences.preference import Answer
from rlhp_ray.preferences.preference_collector import PreferenceCollector
from rlhp_ray.preferences.preference_copying import open_run_store
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.teacher_traits import TeacherTraits
from rlhp_ray.preferences.teachers import RandomTeacher, SimulatedTeacher
from rlhp_ray.reward.labelled_pairs import LabelledPairs


class CountingTeacher:
    """Answers in turn, and keeps what it was shown."""

    name = "counting"

    def __init__(self) -> None:
        self.shown: list[tuple[str, str]] = []

    def calibrate(self, recent) -> list[str]:
        return []

    def answer(self, left, right, rng) -> Answer:
        self.shown.append((left.clip_id, right.clip_id))
        return list(Answer)[len(self.shown) % 4]


@pytest.fixture
def collector(tmp_path, make_clips):
    numbers = itertools.count()

    def make(teacher=None, *, store=None, seed=0, pool_clips=100, clips=20) -> PreferenceCollector:
        store = store or PreferenceStore(tmp_path / f"{next(numbers)}.sqlite", {"env_id": "x"})
        made = PreferenceCollector(store, teacher or SimulatedTeacher(), pool_clips, seed)
        made.pool.add(make_clips(clips))
        return made

    return make


def pair_keys(preferences) -> set[frozenset[str]]:
    return {frozenset((p.left_id, p.right_id)) for p in preferences}


def test_exactly_what_is_due_is_asked(collector):
    teacher = CountingTeacher()
    made = collector(teacher)
    assert [len(made.ask(due, 0).preferences) for due in (3, 3, 2, 0, 8)] == [3, 0, 0, 0, 5]
    assert made.queries == len(teacher.shown) == 8


def test_answers_carry_number_source_and_age_and_are_stored(collector):
    made = collector(CountingTeacher())
    preferences = made.ask(2, 100).preferences + made.ask(4, 200).preferences
    assert [(p.query_index, p.env_steps) for p in preferences] == [(0, 100), (1, 100), (2, 200), (3, 200)]
    assert {p.source for p in preferences} == {"counting"}
    assert [p.answer for p in preferences] == [Answer.RIGHT, Answer.EQUAL, Answer.SKIP, Answer.LEFT]
    assert made._store.preferences() == preferences


def test_the_teacher_is_shown_the_clips_on_their_sides(collector):
    teacher = CountingTeacher()
    preferences = collector(teacher).ask(5, 0).preferences
    assert teacher.shown == [(p.left_id, p.right_id) for p in preferences]


def test_the_teacher_sees_the_true_rewards_of_the_clips_on_their_sides(collector, make_clips):
    better = {clip.clip_id: index for index, clip in enumerate(make_clips(20))}
    preferences = collector().ask(30, 0).preferences
    for p in preferences:
        assert p.answer is (Answer.LEFT if better[p.left_id] > better[p.right_id] else Answer.RIGHT)
    assert {p.answer for p in preferences} == {Answer.LEFT, Answer.RIGHT}


def test_a_round_gives_the_clips_of_its_answers(collector):
    answered = collector().ask(5, 0)
    assert answered.clips.keys() == set().union(*pair_keys(answered.preferences))
    assert all(clip.clip_id == clip_id for clip_id, clip in answered.clips.items())


def test_a_round_gives_a_bounded_sample_of_the_pool(collector):
    made = collector(pool_clips=1000, clips=RECENT_CLIPS + 20)
    sample = [clip.clip_id for clip in made.ask(0, 500).recent]
    assert len(set(sample)) == RECENT_CLIPS and set(sample) < set(made.pool.clip_ids)
    assert [clip.clip_id for clip in made.ask(0, 500).recent] == sample


def test_no_pair_is_asked_twice_over_rounds(collector):
    made = collector(clips=8)
    preferences = [p for due in (5, 10, 15, 20) for p in made.ask(due, 0).preferences]
    assert len(preferences) == len(pair_keys(preferences)) == 20


def test_a_pool_without_new_pairs_gives_fewer_and_the_rest_later(collector, make_clips):
    made = collector(clips=3)
    assert len(made.ask(10, 0).preferences) == made.queries == 3
    made.pool.add(make_clips(10, seed=1))
    assert [p.query_index for p in made.ask(10, 1).preferences] == [3, 4, 5, 6, 7, 8, 9]


def test_questions_and_answers_are_the_same_for_the_same_seed(collector):
    def asked(seed: int) -> list:
        made = collector(RandomTeacher(), seed=seed)
        return made.ask(6, 0).preferences + made.ask(12, 50).preferences

    assert asked(0) == asked(0) != asked(1)


def test_a_query_that_was_answered_before_the_run_was_killed_is_found_not_asked_again(collector):
    teacher, killed = CountingTeacher(), collector(CountingTeacher())
    first = killed.ask(3, 10).preferences
    lost = killed.ask(7, 20).preferences  # stored, but after the last checkpoint
    resumed = collector(teacher, store=killed._store)
    assert resumed.replay(before_query=3) == first
    assert resumed.ask(7, 20).preferences == lost
    assert teacher.shown == []
    assert len(resumed.ask(8, 30).preferences) == len(teacher.shown) == 1


def test_a_pair_judged_under_another_number_after_the_checkpoint_is_found_either_way_round_and_stored_once(collector):
    """A run that went back to its checkpoint, and then asked in rounds of another size."""
    teacher, first = CountingTeacher(), collector(CountingTeacher(), clips=4)
    first.ask(2, 10)
    lost = first.ask(6, 20).preferences  # all six pairs of four clips are stored now
    resumed = collector(teacher, store=first._store, clips=4)
    resumed.replay(before_query=2)
    again = [p for due in (3, 5, 6) for p in resumed.ask(due, 20).preferences]
    assert teacher.shown == []
    assert {p.judgement for p in again} == {p.judgement for p in lost}
    assert [p.query_index for p in again] == [2, 3, 4, 5]
    stored = resumed._store.preferences()
    assert len(stored) == len(pair_keys(stored)) == 6
    assert stored[2:] == again


def test_a_replay_before_a_query_takes_up_what_came_before_it(collector):
    made = collector()
    preferences = made.ask(6, 0).preferences
    resumed = collector(store=made._store, clips=0)
    taken_up = resumed.replay(before_query=4)
    assert (taken_up, resumed.queries) == (preferences[:4], 4)
    assert resumed.stored_clips(taken_up).keys() == set().union(*pair_keys(preferences[:4]))


def test_a_replay_of_all_goes_on_after_the_last_and_repeats_no_pair(collector):
    made = collector(clips=6)
    before = made.ask(8, 0).preferences
    resumed = collector(store=made._store, clips=6)
    assert resumed.replay(before_query=None) == before
    after = resumed.ask(12, 0).preferences
    assert [p.query_index for p in after] == [8, 9, 10, 11]
    assert len(pair_keys(before + after)) == 12


def test_answers_that_could_not_be_stored_are_asked_again(collector):
    made = collector()
    made._store._connection.execute("PRAGMA max_page_count = 5")
    with pytest.raises(PreferenceStoreError):
        made.ask(150, 0)
    made._store._connection.execute("PRAGMA max_page_count = 100000")
    assert len(made.ask(150, 0).preferences) == 150


def test_a_replay_of_answers_that_are_gone_is_refused(collector):
    made = collector()
    made.ask(4, 0)
    with pytest.raises(PreferenceStoreError, match=r"holds 4 of the 10 queries .* Restore preferences.sqlite"):
        made.replay(before_query=10)


def true_return(clip_id: str, clips) -> float:
    return float(clips[clip_id].teacher_rewards.sum())


def test_a_skip_spends_a_query_and_equal_is_a_label_of_one_half(collector):
    """The clips return 0 to 19, 9.5 in the mean: d_skip is 4.75 and d_equal 1.9."""
    made = collector(SimulatedTeacher(TeacherTraits(skip=0.5, equal=0.2)))
    answered = made.ask(80, 0)
    assert made.queries == len(answered.preferences) == 80
    for p in answered.preferences:
        left, right = (true_return(clip_id, answered.clips) for clip_id in (p.left_id, p.right_id))
        if max(left, right) < 4.75:
            assert p.answer is Answer.SKIP
        elif abs(left - right) < 1.9:
            assert p.answer is Answer.EQUAL
        else:
            assert p.answer is (Answer.LEFT if left > right else Answer.RIGHT)
    counts = {said: sum(p.answer is said for p in answered.preferences) for said in Answer}
    assert min(counts.values()) > 0
    pairs = LabelledPairs.from_preferences(answered.preferences, answered.clips)
    assert pairs is not None
    assert [int((pairs.mu_left == mu).sum()) for mu in (1.0, 0.0, 0.5)] == [
        counts[said] for said in (Answer.LEFT, Answer.RIGHT, Answer.EQUAL)
    ]
    assert len(pairs) == 80 - counts[Answer.SKIP]


def test_relative_thresholds_follow_the_pool(collector, make_clips):
    teacher = SimulatedTeacher(TeacherTraits(equal=0.2))
    made = collector(teacher, pool_clips=20)
    made.ask(1, 0)
    assert teacher._thresholds.equal_within == pytest.approx(0.2 * 9.5)
    made.pool.add(make_clips(40, seed=1))  # those that return 20 to 39 are left
    made.ask(1, 100)
    assert teacher._thresholds.equal_within == pytest.approx(0.2 * 9.5)  # nothing was due
    made.ask(2, 100)
    assert teacher._thresholds.equal_within == pytest.approx(0.2 * 29.5)


def test_a_threshold_that_is_off_is_a_notice_of_the_first_round_that_asks(collector):
    made = collector(SimulatedTeacher(TeacherTraits(equal=0.2), rewards=lambda clip: -clip.teacher_rewards))
    notices = [made.ask(due, 0).notices for due in (0, 3, 6)]
    assert [len(texts) for texts in notices] == [0, 1, 0]
    assert "set teacher.equal_within" in notices[1][0]


def test_a_resumed_run_has_the_same_thresholds_and_so_the_same_answers(collector, make_clips):
    """From a pool larger than the sample, and with nothing to be found in the store."""

    def teacher() -> SimulatedTeacher:
        return SimulatedTeacher(TeacherTraits(beta=0.01, mistake=0.1, skip=0.5, equal=0.3))

    undisturbed, resumed = (collector(teacher(), pool_clips=1000, clips=clips) for clips in (3 * RECENT_CLIPS, 0))
    before = undisturbed.ask(20, 100)
    resumed._store.record(before.preferences, before.clips.values())
    resumed.pool.restore(undisturbed.pool.dump())
    resumed.replay(before_query=20)
    after = undisturbed.ask(80, 200).preferences
    assert resumed.ask(80, 200).preferences == after
    assert resumed._teacher._thresholds.equal_within == undisturbed._teacher._thresholds.equal_within > 0
    assert {p.answer for p in after} == set(Answer)


class FailingTeacher(CountingTeacher):
    def __init__(self, fails_in: str) -> None:
        super().__init__()
        self.fails_in = fails_in

    def calibrate(self, recent) -> list[str]:
        if self.fails_in == "calibrate":
            raise TeacherError("m:f raised")
        return []

    def answer(self, left, right, rng) -> Answer:
        if self.fails_in == "answer" and len(self.shown) == 4:
            raise TeacherError("m:f raised")
        return super().answer(left, right, rng)


@pytest.mark.parametrize(
    ("fails_in", "told"), [("answer", "^query 4: m:f raised$"), ("calibrate", "^thresholds before query 0: m:f")]
)
def test_a_teacher_that_fails_is_told_with_its_query_and_can_go_on_once_corrected(collector, fails_in, told):
    teacher = FailingTeacher(fails_in)
    made = collector(teacher)
    with pytest.raises(TeacherError, match=told):
        made.ask(8, 0)
    assert (made.queries, made._store.preferences()) == (0, [])
    teacher.fails_in = ""
    assert len(made.ask(8, 0).preferences) == 8


@pytest.fixture
def started_with(tmp_path, collector, make_database, vector_subject, make_clips, chain):
    """A collector whose run starts with 5 saved preferences, each on two clips that stand next to each other."""
    clips = make_clips(6)
    saved = make_database("saved.sqlite", vector_subject, clips, chain(clips))

    def make(teacher=None) -> PreferenceCollector:
        store = open_run_store(tmp_path / "run.sqlite", vector_subject.to_metadata(), saved)
        return collector(teacher, store=store, clips=6)

    return make


def test_loaded_preferences_spend_no_query_and_their_pairs_are_not_asked_again(started_with):
    made = started_with()
    loaded = made.replay(0)
    assert ([p.query_index for p in loaded], made.queries, made.num_loaded) == ([0, 1, 2, 3, 4], 0, 5)
    own = made.ask(10, 0).preferences
    assert ([p.query_index for p in own], made.queries) == (list(range(5, 15)), 10)
    assert len(pair_keys(loaded) | pair_keys(own)) == 15, "all pairs of 6 clips, each once"


def test_after_a_resume_the_loaded_come_first_and_repeated_queries_are_found(started_with):
    first = started_with()
    first.replay(0)
    first.ask(2, 0)
    asked = first.ask(4, 0).preferences
    teacher = CountingTeacher()
    again = started_with(teacher)
    assert [p.query_index for p in again.replay(2)] == [0, 1, 2, 3, 4, 5, 6]
    assert again.queries == 2
    assert again.ask(4, 0).preferences == asked
    assert teacher.shown == []
    assert len(again.replay(None)) == 9 and again.queries == 4


def test_loaded_preferences_that_are_missing_after_a_resume_are_told(started_with):
    with pytest.raises(PreferenceStoreError, match="holds 5 of the 8 queries"):
        started_with().replay(3)
