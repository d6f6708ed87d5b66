"""Several trials ask through one collector: each is given what it lacks, in the order of the queries, and no more."""

import numpy as np
import pytest

from rlhp_ray.clips.clip import Clip
from rlhp_ray.preferences import pair_collector
from rlhp_ray.preferences.pair_collector import Asker
from rlhp_ray.preferences.people_collector import PeopleCollector
from rlhp_ray.preferences.preference_collector import PreferenceCollector
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.query_queue import QueryQueue
from rlhp_ray.preferences.teacher_traits import TeacherTraits
from rlhp_ray.preferences.teachers import SimulatedTeacher


@pytest.fixture
def collector(tmp_path, make_clips):
    """With 20 clips of `a` and 10 of `b`."""

    def make(teacher=None) -> PreferenceCollector:
        store = PreferenceStore(tmp_path / "preferences.sqlite", {"env_id": "x"})
        made = PreferenceCollector(store, teacher or SimulatedTeacher(), 100, 0)
        clips = make_clips(30)
        made.pool.add(clips[:20], "a")
        made.pool.add(clips[20:], "b")
        return made

    return make


def numbers(answered) -> list[int]:
    return [preference.query_index for preference in answered.preferences]


def test_answers_of_others_come_with_ones_own_and_each_once(collector):
    made = collector()
    assert numbers(made.ask(5, 0, asker=Asker("a", 0))) == [0, 1, 2, 3, 4]
    answered = made.ask(8, 0, asker=Asker("b", 0))
    assert numbers(answered) == list(range(8)) and answered.taken == 8
    assert set(answered.clips) >= {p.left_id for p in answered.preferences} | {p.right_id for p in answered.preferences}
    answered = made.ask(6, 100, asker=Asker("a", 5))
    assert (numbers(answered), answered.taken, made.queries) == ([5, 6, 7], 8, 8)


def test_they_come_in_portions_but_what_was_just_asked_is_never_held_back_from_who_is_alone(collector, monkeypatch):
    monkeypatch.setattr(pair_collector, "ANSWERS_AT_ONCE", 4)
    made = collector()
    assert numbers(made.ask(10, 0, asker=Asker("a", 0))) == list(range(10))
    taken, portions = 0, []
    while taken < 10:
        answered = made.ask(10, 0, asker=Asker("b", taken))
        portions.append(numbers(answered))
        taken = answered.taken
    assert portions == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_a_trial_sees_a_sample_of_its_own_clips_and_one_without_any_of_all(collector):
    made = collector()
    of_a, of_b, of_c = ({clip.clip_id for clip in made.ask(0, 0, asker=Asker(name, 0)).recent} for name in "abc")
    assert (of_a, of_b) == (set(made.pool.recorded_by("a")), set(made.pool.recorded_by("b")))
    assert of_c == of_a | of_b


def test_what_a_teacher_takes_for_usual_is_that_of_all_trials(collector):
    """A threshold that followed the trial that asks would answer the same pair in two ways."""
    seen = []

    class Watching(SimulatedTeacher):
        def calibrate(self, recent):
            seen.append(len(recent))
            return super().calibrate(recent)

    made = collector(Watching(TeacherTraits(skip=0.1)))
    made.ask(1, 0, asker=Asker("a", 0))
    made.ask(2, 0, asker=Asker("b", 0))
    assert seen == [30, 30]


@pytest.fixture
def people(tmp_path):
    queue = QueryQueue(tmp_path / "labelling.sqlite")
    store = PreferenceStore(tmp_path / "preferences.sqlite", {"env_id": "x"})
    made = PeopleCollector(store, queue, 100, 0, "uniform", total_env_steps=1000)
    made.pool.add([Clip(np.full((3, 2), float(i)), np.zeros(3, int), np.zeros(3), 0) for i in range(20)], "a")
    return made, queue


def test_people_are_asked_for_the_trial_that_is_furthest_on(people):
    """Else a trial that lags would have the pairs that it offers taken back by the one before it, for ever."""
    made, queue = people
    made.ask(2, 500, asker=Asker("a", 0))
    made.ask(5, 50, asker=Asker("b", 0))
    made.ask(1, 60, asker=Asker("b", 0))
    assert queue.facts() == {"env_steps": 500, "due": 5}
    for _ in range(3):
        made.ask(2, 510, asker=Asker("a", 0))
        made.ask(5, 60, asker=Asker("b", 0))
    assert queue.counts().waiting == len(queue.pairs()) == 5
    made.ask(5, 611, asker=Asker("a", 0))
    assert (queue.counts().waiting, len(queue.pairs())) == (5, 10), "others in place of those of a policy that is gone"
