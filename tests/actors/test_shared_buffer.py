"""One buffer serves several trials, with real Ray: one budget, all answers for each, also where it is killed."""

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import ray
from ray.actor import ActorHandle
from test_lost_actors import SPEC

from rlhp_ray.actors.placement import create_preference_buffer, create_reward_learner
from rlhp_ray.actors.preference_loop import FinishedRound, PreferenceLoop, replay_labels
from rlhp_ray.actors.trial_actors import ActorKind, LearnerState, TrialActors
from rlhp_ray.clips.clip import Clip
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.reward.ensemble import RewardEnsemble

CONFIG = RunConfig.model_validate(
    {"env": {"id": "rlhp/MovingDot-v0"}, "scope": "sweep", "reward": {"pretraining_epochs": 2}}
)


@pytest.fixture(scope="module", autouse=True)
def ray_here():
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, object_store_memory=100_000_000)
    yield
    ray.shutdown()


@pytest.fixture
def buffer(tmp_path):
    made = create_preference_buffer(CONFIG, SPEC, tmp_path, f"shared:{tmp_path}")
    yield made
    ray.kill(made)


class Trial:
    """As much of a trial as the loop asks for."""

    def __init__(self, name: str, buffer: ActorHandle) -> None:
        self.name, self.clip_ids, self.rng = name, set(), np.random.default_rng(sum(map(ord, name)))
        self.published, self.optimiser = RewardEnsemble(SPEC).published(), b""
        learner = create_reward_learner(CONFIG, SPEC, f"{name}:{id(self)}", num_cpus=0, num_gpus=0)
        self.actors = TrialActors(name, buffer, learner, lambda lost: buffer, lambda lost: learner)
        self.loop = PreferenceLoop(self.actors, self.state, waits=False)
        self.queries = self.labels = 0
        stored = replay_labels(buffer, learner, None)
        self.queries, self.labels = stored.queries, stored.new_labels

    def state(self) -> LearnerState:
        return LearnerState(self.published, self.optimiser, self.queries, begins_anew=False)

    def start_round(self, due: int, env_steps: int) -> None:
        rewards = self.rng.normal(size=(20, 5)).astype(np.float32)
        seen = self.rng.uniform(-1, 1, (20, 5, 3)).astype(np.float32)
        clips = [Clip(each, np.zeros(5, int), r, env_steps) for each, r in zip(seen, rewards, strict=True)]
        self.clip_ids |= {clip.clip_id for clip in clips}
        self.loop.send_clips(clips)
        self.loop.start_round(due, env_steps, self.published)

    def take_up(self) -> FinishedRound:
        finished = self.loop.finished_round(wait=True)
        assert finished is not None
        self.queries, self.labels = finished.report.queries, self.labels + finished.report.new_labels
        self.published, self.optimiser = finished.fitted.published, finished.fitted.optimiser
        return finished

    def round(self, due: int, env_steps: int) -> FinishedRound:
        self.start_round(due, env_steps)
        return self.take_up()


@pytest.fixture
def trial(buffer):
    made = []

    def make(name: str) -> Trial:
        made.append(Trial(name, buffer))
        return made[-1]

    yield make
    for each in made:
        ray.kill(each.actors.learner)


def process_id(buffer: ActorHandle) -> int:
    return ray.get(buffer.__ray_call__.remote(lambda _: os.getpid()))


def stored(directory: Path) -> list[tuple[int, str, str]]:
    with closing(sqlite3.connect(directory / "preferences.sqlite")) as connection:
        return connection.execute(
            "SELECT query_index, left_id, right_id FROM preferences ORDER BY query_index"
        ).fetchall()


def test_each_trial_fits_to_every_answer_and_both_are_asked_about(trial, tmp_path):
    first, second = trial("first"), trial("second")
    assert first.round(6, env_steps=100).fitted.metrics.num_labels == 6
    assert second.round(4, env_steps=50).fitted.metrics.num_labels == 6, "more than were due by its own schedule"
    second.round(12, env_steps=100)
    finished = first.round(12, env_steps=200)
    assert (first.queries, first.labels, second.queries, second.labels) == (12, 12, 12, 12)
    assert finished.fitted.metrics.num_labels == 12
    rows = stored(tmp_path)
    assert [row[0] for row in rows] == list(range(12))
    shown = {clip_id for row in rows for clip_id in row[1:]}
    assert shown & first.clip_ids and shown & second.clip_ids


def test_a_trial_that_begins_when_the_budget_is_spent_fits_to_it_and_is_watched_by_its_own_clips(trial, tmp_path):
    first = trial("first")
    first.round(10, env_steps=500)
    late = trial("late")
    assert (late.queries, late.labels) == (10, 10)
    finished = late.round(4, env_steps=50)
    assert (finished.fitted.metrics.num_labels, finished.report.new_labels) == (10, 0)
    assert len(finished.report.recent_true_returns) == len(finished.report.fresh_true_returns) == 20, "its own clips"
    assert len(stored(tmp_path)) == 10


def test_a_checkpoint_holds_the_clips_of_its_trial_and_takes_none_of_others_away(trial, buffer):
    first, second = trial("first"), trial("second")
    first.round(3, env_steps=100)
    dumped = first.loop.dump_clips()
    second.round(6, env_steps=100)
    first.round(6, env_steps=200)
    first.loop.restore_clips(*dumped)
    assert {Clip.from_bytes(packed).env_steps for packed in first.loop.dump_clips()[0]} == {100}
    assert len(second.loop.dump_clips()[0]) == 20


def test_of_a_buffer_that_is_killed_every_trial_joins_the_next_when_it_notices(trial, buffer, tmp_path):
    busy, idle = trial("busy"), trial("idle")
    idle.round(4, env_steps=100)
    busy.round(8, env_steps=100)
    process = process_id(buffer)
    busy.start_round(14, env_steps=200)
    os.kill(process, signal.SIGKILL)
    busy.take_up()
    assert busy.queries == busy.labels == 14
    finished = idle.round(20, env_steps=200)
    busy.round(20, env_steps=300)
    assert busy.queries == busy.labels == 20
    assert idle.queries == idle.labels == finished.fitted.metrics.num_labels == 20
    assert len(finished.report.recent_true_returns) == 40, "all its clips, as before"
    assert [row[0] for row in stored(tmp_path)] == list(range(20))
    for each in (busy, idle):
        assert [recovery.kind for recovery in each.loop.take_recoveries()] == [ActorKind.BUFFER]


def test_nobody_starts_another_buffer_where_two_notice_at_once(trial, buffer, tmp_path):
    both = trial("first"), trial("second")
    for each in both:
        each.round(5, env_steps=100)
    process = process_id(buffer)
    for each in both:
        each.start_round(9, env_steps=200)
    os.kill(process, signal.SIGKILL)
    for each in both:
        each.take_up()
    for each in both:
        each.round(9, env_steps=300)
    assert [(each.queries, each.labels) for each in both] == [(9, 9)] * 2
    pairs = {frozenset(row[1:]) for row in stored(tmp_path)}
    assert [row[0] for row in stored(tmp_path)] == list(range(9)) and len(pairs) == 9
