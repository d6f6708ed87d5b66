"""The loop between a trial and its two actors: clips out, queries asked, reward fitted, versions back.

Both modes run the same round: ask what is due, fit, publish. A round that was started after one training iteration is
taken up after the next, while the policy trains in between. In sync mode the trial waits for it there, so that the
interleaving is fixed; in async mode it takes the round up whenever it has come, and never waits.

Where one of the actors died, another one takes its place, and what was under way is done again:
- a learner is put where the last one stood when its last round was taken up, is given the labels it had, and fits to
  the same data again: in sync mode with the same result to the bit;
- a buffer goes on with what the database holds, which is all that was acknowledged, and begins its pool with the newest
  clips; queries that the lost one did not come to store are asked again, and answers that it stored for the round in
  flight are handed out by the new one, since the trial says how many it has taken up. A buffer that several trials
  share is lost to each of them by itself: each joins the new one when it notices.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import ray
from ray import ObjectRef
from ray.actor import ActorHandle

from rlhp_ray.actors.preference_buffer import RoundReport
from rlhp_ray.actors.reward_learner import FittedRound
from rlhp_ray.actors.trial_actors import (
    ActorKind,
    ActorLost,
    LearnerState,
    Recovery,
    TrialActors,
    blames,
    blames_either,
)
from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.episode_recorder import RecordedEpisode
from rlhp_ray.preferences.pair_collector import RECENT_CLIPS
from rlhp_ray.reward.ensemble import PublishedReward

EPISODE_SECONDS = 10.0  # longer than most take to look at one
MAX_CLIP_BATCHES_IN_FLIGHT = 4  # beyond it the newest clips are dropped rather than queued: clips are cheap

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class FinishedRound:
    """One round, asked and fitted; `started_env_steps` tells how old the policy of its clips is."""

    report: RoundReport
    fitted: FittedRound
    started_env_steps: int


@dataclass(frozen=True, eq=False)
class _Round:
    """A round in flight, with what it takes to begin it again."""

    due: int
    env_steps: int
    published: PublishedReward
    data: ObjectRef
    report: ObjectRef
    fitted: ObjectRef


def replay_labels(buffer: ActorHandle, learner: ActorHandle, before_query: int | None) -> RoundReport:
    """Have both actors take up stored answers after a resume, portion by portion: neither holds all clips at once.

    Args:
        buffer: handle of a PreferenceBuffer.
        learner: handle of a RewardLearner; the newest labels in the window are added to what it holds.
        before_query: take up the answers before this query; None takes all.
    """
    taken_up: ObjectRef = buffer.replay.remote(before_query)
    with blames(ActorKind.BUFFER):
        report, portions = ray.get(taken_up)
    for portion in portions:
        with blames_either():
            ray.get(learner.add_pairs.remote(buffer.replayed.remote(portion)))
    return report


class PreferenceLoop:
    """Drives a PreferenceBuffer and a RewardLearner with at most one round in flight.

    Args:
        actors: the two of them.
        learner_state: where the learner stands, as of the last round taken up.
        waits: sync mode: clips are never dropped, and rounds are waited for.

    Its methods raise ActorLostError where an actor died more often than is put up with.
    """

    def __init__(self, actors: TrialActors, learner_state: Callable[[], LearnerState], waits: bool) -> None:
        self._actors = actors
        self._learner_state = learner_state
        self._waits = waits
        self._clip_batches: list[ObjectRef] = []
        self._newest_clips: deque[Clip] = deque(maxlen=RECENT_CLIPS)
        self._reference: ObjectRef | None = None
        self._episodes: list[ObjectRef] = []
        self._next_episode = -math.inf
        self._round: _Round | None = None
        self._instructed: ObjectRef | None = None
        self.waited_seconds = 0.0
        self.clips_sent = 0
        self.clips_dropped = 0

    @property
    def busy(self) -> bool:
        """Whether a round is in flight."""
        return self._round is not None

    def send_clips(self, clips: list[Clip]) -> None:
        """Hand clips to the buffer without waiting; in async mode they are dropped where it lags far behind."""
        if not clips:
            return
        self._newest_clips.extend(clips[-RECENT_CLIPS:])
        try:
            has_room = self._has_room_for_clips()
        except ActorLost as loss:
            self._recover(loss)  # the new buffer's pool begins with the newest clips, these among them
            self.clips_sent += len(clips)
            return
        if not has_room:
            self.clips_dropped += len(clips)
            return
        self._clip_batches.append(self._actors.buffer.add_clips.remote(self._actors.trial, clips))
        self.clips_sent += len(clips)

    def _has_room_for_clips(self) -> bool:
        with blames(ActorKind.BUFFER):
            done, self._clip_batches = self._settle(self._clip_batches)
            ray.get(done)
            if len(self._clip_batches) < MAX_CLIP_BATCHES_IN_FLIGHT:
                return True
            if self._waits:
                started = time.perf_counter()
                ray.get(self._clip_batches)
                self._clip_batches = []
                self.waited_seconds += time.perf_counter() - started
        return self._waits

    def send_episode(self, episode: RecordedEpisode, env_steps: int) -> None:
        """Hand an episode to the buffer, for people to watch: at most one in EPISODE_SECONDS, and one in flight."""
        done, self._episodes = self._settle(self._episodes)
        try:
            with blames(ActorKind.BUFFER):
                ray.get(done)
        except ActorLost as loss:
            self._recover(loss)
        if not self._episodes and time.monotonic() >= self._next_episode:
            self._episodes.append(self._actors.buffer.show_episode.remote(episode, env_steps))
            self._next_episode = time.monotonic() + EPISODE_SECONDS

    @staticmethod
    def _settle(refs: list[ObjectRef]) -> tuple[list[ObjectRef], list[ObjectRef]]:
        return ray.wait(refs, num_returns=len(refs), timeout=0) if refs else ([], [])

    def start_round(self, due: int, env_steps: int, published: PublishedReward) -> None:
        """Ask until `due` queries were asked in all, then fit; the report goes past the learner."""
        assert not self.busy, "one round at a time"
        self._round = self._started(due, env_steps, published)

    def _started(self, due: int, env_steps: int, published: PublishedReward) -> _Round:
        data, report = self._asked(due, env_steps, published)
        if self._reference is None:
            self._reference = self._actors.buffer.dump_reference.remote(self._actors.trial)
        fitted: ObjectRef = self._actors.learner.fit_round.remote(data)
        return _Round(due, env_steps, published, data, report, fitted)

    def _asked(self, due: int, env_steps: int, published: PublishedReward) -> tuple[ObjectRef, ObjectRef]:
        data: ObjectRef
        report: ObjectRef
        trial, taken = self._actors.trial, self._learner_state().queries
        data, report = self._actors.buffer.ask.options(num_returns=2).remote(trial, taken, due, env_steps, published)
        return data, report

    def poll(self, due: int, env_steps: int, published: PublishedReward) -> RoundReport:
        """Ask until `due` queries were asked in all and hand new labels to the learner, which does not fit to them yet.

        For people, whose answers come one by one; only between rounds.
        """
        assert not self.busy, "one round at a time"
        return self._persist(lambda: self._poll(due, env_steps, published))

    def _poll(self, due: int, env_steps: int, published: PublishedReward) -> RoundReport:
        data, report = self._asked(due, env_steps, published)
        added: ObjectRef = self._actors.learner.add_pairs.remote(data)
        started = time.perf_counter()
        told: RoundReport = _answer(report, ActorKind.BUFFER)
        try:
            self._check_instructed()
            _answer(added, ActorKind.LEARNER)
        except ActorLost as loss:
            if loss.kind is ActorKind.BUFFER:
                raise
            self._recover(loss, until_query=told.queries)  # these answers are told of: not asked for, but given again
        else:
            self._actors.answered(ActorKind.BUFFER, ActorKind.LEARNER)
        self.waited_seconds += time.perf_counter() - started
        return told

    def finished_round(self, wait: bool | None = None) -> FinishedRound | None:
        """The round in flight once it is done, else None.

        Args:
            wait: wait for it; None waits in sync mode only.
        """
        waits, started = self._waits if wait is None else wait, time.perf_counter()
        while self._round is not None and (waits or self._is_ready(self._round)):
            try:
                finished = self._finished(self._round)
            except ActorLost as loss:
                self._recover(loss)
                continue
            self._round = None
            self._actors.answered(ActorKind.BUFFER, ActorKind.LEARNER)
            if waits:
                self.waited_seconds += time.perf_counter() - started
            return finished
        return None

    @staticmethod
    def _is_ready(under_way: _Round) -> bool:
        return bool(ray.wait([under_way.fitted], timeout=0)[0])

    def _finished(self, under_way: _Round) -> FinishedRound:
        report = _answer(under_way.report, ActorKind.BUFFER)  # first: without it there is nothing to fit
        self._check_instructed()
        fitted = _answer(under_way.fitted, ActorKind.LEARNER)
        return FinishedRound(report, fitted, under_way.env_steps)

    def _check_instructed(self) -> None:
        if self._instructed is not None:
            with blames_either():
                ray.get(self._instructed)
            self._instructed = None

    def replace_labels(self) -> RoundReport:
        """Have the learner begin anew with the labels as they count now; only between rounds."""
        return self._persist(self._replace_labels)

    def _replace_labels(self) -> RoundReport:
        with blames(ActorKind.LEARNER):
            ray.get(self._actors.learner.forget_labels.remote())
        return replay_labels(self._actors.buffer, self._actors.learner, None)

    def dump_clips(self) -> tuple[list[bytes], list[bytes]]:
        """The clip pool and the reference clips, for a checkpoint."""
        return self._persist(self._dump_clips)

    def _dump_clips(self) -> tuple[list[bytes], list[bytes]]:
        with blames(ActorKind.BUFFER):
            buffer, trial = self._actors.buffer, self._actors.trial
            pool: list[bytes]
            reference: list[bytes]
            pool, reference = ray.get([buffer.dump_pool.remote(trial), buffer.dump_reference.remote(trial)])
        self._actors.answered(ActorKind.BUFFER)
        return pool, reference

    def restore_clips(self, pool: list[bytes], reference: list[bytes]) -> None:
        """Take up those of a checkpoint."""
        self._newest_clips.extend(Clip.from_bytes(packed) for packed in pool[-RECENT_CLIPS:])
        self._persist(lambda: self._restore_clips(pool, reference))

    def _restore_clips(self, pool: list[bytes], reference: list[bytes]) -> None:
        with blames(ActorKind.BUFFER):
            buffer, trial = self._actors.buffer, self._actors.trial
            ray.get([buffer.restore_pool.remote(trial, pool), buffer.restore_reference.remote(trial, reference)])

    def take_recoveries(self) -> list[Recovery]:
        """Losses got over since the last call."""
        return self._actors.take_recoveries()

    def _persist(self, call: Callable[[], T]) -> T:
        """What the call gives, however many actors are lost meanwhile, within bounds."""
        while True:
            try:
                return call()
            except ActorLost as loss:
                self._recover(loss)

    def _recover(self, loss: ActorLost, until_query: int | None = None) -> None:
        """Start another actor in place of the lost one, and the round in flight again; does not wait for them.

        Args:
            loss: of which.
            until_query: labels that a new learner is given, where its state is not up to date yet.
        """
        self._actors.notice(loss)
        state = self._learner_state()
        under_way, before_query = self._round, state.queries if until_query is None else until_query
        if loss.kind is ActorKind.BUFFER:
            self._clip_batches, self._episodes = [], []
            self._actors.replace_buffer(list(self._newest_clips), self._reference)
        else:
            self._actors.replace_learner()
        self._instructed = self._actors.instruct_learner(state, before_query)
        if under_way is None:
            return
        if loss.kind is ActorKind.BUFFER:
            self._round = self._started(under_way.due, under_way.env_steps, under_way.published)
        else:
            fitted: ObjectRef = self._actors.learner.fit_round.remote(under_way.data)
            self._round = replace(under_way, fitted=fitted)


def _answer(ref: ObjectRef, kind: ActorKind) -> Any:
    with blames(kind):
        return ray.get(ref)
