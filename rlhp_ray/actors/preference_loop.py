"""The loop between a trial and its two actors: clips out, queries asked, reward fitted, versions back.

Both modes run the same round: ask what is due, fit, publish. A round that was started after one training iteration is
taken up after the next, while the policy trains in between. In sync mode the trial waits for it there, so that the
interleaving is fixed; in async mode it takes the round up whenever it has come, and never waits.
"""

import math
import time
from dataclasses import dataclass

import ray
from ray import ObjectRef
from ray.actor import ActorHandle

from rlhp_ray.actors.preference_buffer import RoundReport
from rlhp_ray.actors.reward_learner import FittedRound
from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.episode_recorder import RecordedEpisode
from rlhp_ray.reward.ensemble import PublishedReward

EPISODE_SECONDS = 10.0  # longer than most take to look at one
MAX_CLIP_BATCHES_IN_FLIGHT = 4  # beyond it the newest clips are dropped rather than queued: clips are cheap


@dataclass(frozen=True, eq=False)
class FinishedRound:
    """One round, asked and fitted; `started_env_steps` tells how old the policy of its clips is."""

    report: RoundReport
    fitted: FittedRound
    started_env_steps: int


def replay_labels(buffer: ActorHandle, learner: ActorHandle, before_query: int | None) -> RoundReport:
    """Have both actors take up stored answers after a resume, portion by portion: neither holds all clips at once.

    Args:
        buffer: handle of a PreferenceBuffer.
        learner: handle of a RewardLearner; the newest labels in the window are added to what it holds.
        before_query: take up the answers before this query; None takes all.
    """
    taken_up: ObjectRef = buffer.replay.remote(before_query)
    report, portions = ray.get(taken_up)
    for portion in range(portions):
        ray.get(learner.add_pairs.remote(buffer.replayed.remote(portion)))
    return report


def replace_labels(buffer: ActorHandle, learner: ActorHandle) -> RoundReport:
    """Have the learner begin anew with the labels as they count now; only between rounds.

    Args:
        buffer: handle of a PreferenceBuffer.
        learner: handle of a RewardLearner.
    """
    ray.get(learner.forget_labels.remote())
    return replay_labels(buffer, learner, None)


class PreferenceLoop:
    """Drives a PreferenceBuffer and a RewardLearner with at most one round in flight.

    Args:
        buffer: handle of a PreferenceBuffer.
        learner: handle of a RewardLearner.
        waits: sync mode: clips are never dropped, and rounds are waited for.
    """

    def __init__(self, buffer: ActorHandle, learner: ActorHandle, waits: bool) -> None:
        self._buffer = buffer
        self._learner = learner
        self._waits = waits
        self._clip_batches: list[ObjectRef] = []
        self._episodes: list[ObjectRef] = []
        self._next_episode = -math.inf
        self._round: tuple[ObjectRef, ObjectRef, int] | None = None
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
        done, self._clip_batches = self._settle(self._clip_batches)
        ray.get(done)
        if len(self._clip_batches) >= MAX_CLIP_BATCHES_IN_FLIGHT:
            if not self._waits:
                self.clips_dropped += len(clips)
                return
            self._timed_get(self._clip_batches)
            self._clip_batches = []
        self._clip_batches.append(self._buffer.add_clips.remote(clips))
        self.clips_sent += len(clips)

    def send_episode(self, episode: RecordedEpisode, env_steps: int) -> None:
        """Hand an episode to the buffer, for people to watch: at most one in EPISODE_SECONDS, and one in flight."""
        done, self._episodes = self._settle(self._episodes)
        ray.get(done)
        if not self._episodes and time.monotonic() >= self._next_episode:
            self._episodes.append(self._buffer.show_episode.remote(episode, env_steps))
            self._next_episode = time.monotonic() + EPISODE_SECONDS

    @staticmethod
    def _settle(refs: list[ObjectRef]) -> tuple[list[ObjectRef], list[ObjectRef]]:
        return ray.wait(refs, num_returns=len(refs), timeout=0) if refs else ([], [])

    def start_round(self, due: int, env_steps: int, published: PublishedReward | None) -> None:
        """Ask until `due` queries were asked in all, then fit; the report goes past the learner."""
        assert not self.busy, "one round at a time"
        data: ObjectRef
        report: ObjectRef
        data, report = self._buffer.ask.options(num_returns=2).remote(due, env_steps, published)
        self._round = (report, self._learner.fit_round.remote(data), env_steps)

    def poll(self, due: int, env_steps: int, published: PublishedReward | None) -> RoundReport:
        """Ask until `due` queries were asked in all and hand new labels to the learner, which does not fit to them yet.

        For people, whose answers come one by one; only between rounds.
        """
        assert not self.busy, "one round at a time"
        data: ObjectRef
        report: ObjectRef
        data, report = self._buffer.ask.options(num_returns=2).remote(due, env_steps, published)
        return self._timed_get([report, self._learner.add_pairs.remote(data)])[0]

    def finished_round(self, wait: bool | None = None) -> FinishedRound | None:
        """The round in flight once it is done, else None.

        Args:
            wait: wait for it; None waits in sync mode only.
        """
        if self._round is None:
            return None
        report_ref, fitted_ref, env_steps = self._round
        if not (self._waits if wait is None else wait):
            done, _ = ray.wait([fitted_ref], timeout=0)
            if not done:
                return None
            report, fitted = ray.get([report_ref, fitted_ref])
        else:
            report, fitted = self._timed_get([report_ref, fitted_ref])
        self._round = None
        return FinishedRound(report, fitted, env_steps)

    def _timed_get(self, refs: list[ObjectRef]) -> list:
        started = time.perf_counter()
        values = ray.get(refs)
        self.waited_seconds += time.perf_counter() - started
        return values
