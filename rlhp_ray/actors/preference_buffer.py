"""PreferenceBuffer: the one shared buffer of clips and preferences, as a Ray actor.

It serves one trial or, where a sweep shares its answers, several: each joins it by name, and says with every question
how many answers it has taken up. What the buffer holds of a trial can be lost with its process; what was acknowledged
is on disk.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import ray

from rlhp_ray.actors.process_usage import ProcessUsage, process_usage
from rlhp_ray.actors.trial_actors import UnknownTrial
from rlhp_ray.clips.clip import Clip, ClipArrays
from rlhp_ray.clips.episode_recorder import RecordedEpisode
from rlhp_ray.clips.fresh_clips import FreshClips
from rlhp_ray.clips.pair_selection import STRATEGIES
from rlhp_ray.config.schema import PEOPLE, TeacherConfig
from rlhp_ray.preferences.pair_chooser import ClipModels
from rlhp_ray.preferences.pair_collector import Asker, PairCollector
from rlhp_ray.preferences.people_collector import PeopleCollector
from rlhp_ray.preferences.preference import Preference, newest_labels
from rlhp_ray.preferences.preference_collector import PreferenceCollector
from rlhp_ray.preferences.preference_copying import open_run_store
from rlhp_ray.preferences.query_queue import QueryQueue
from rlhp_ray.preferences.queue_database import QUEUE_FILE
from rlhp_ray.preferences.source_notices import SourceNotices
from rlhp_ray.preferences.source_weights import counted
from rlhp_ray.preferences.teacher_choice import make_teacher
from rlhp_ray.reward.clip_features import clip_features
from rlhp_ray.reward.ensemble import EnsembleSpec, PublishedReward, RewardEnsemble
from rlhp_ray.reward.labelled_pairs import LabelledPairs
from rlhp_ray.reward.observation_scaling import ObservationScaling
from rlhp_ray.seeding import derive_rng

LABELS_PER_PORTION = 256  # of stored ones, read at a time: of pixels 100 MB, and as much again while they are packed

Portion = tuple[int, int]
"""Numbers of queries, from the first to before the second, whose labels are read at a time."""


@dataclass(frozen=True, eq=False)
class RoundData:
    """What the reward learner gets for one round. It holds no true reward.

    Args:
        new_pairs: labels to take in.
        recent: sample of the clip pool, to normalise over.
        fresh: clips that the policy just made and no label is about, to look at.
        reference: clips of the run's first round, to compare them with.
    """

    new_pairs: LabelledPairs | None
    recent: ClipArrays | None
    fresh: ClipArrays | None = None
    reference: ClipArrays | None = None


@dataclass(frozen=True, eq=False)
class RoundReport:
    """What the trial gets of one round, for its metrics and schedule.

    Args:
        queries: asked so far whose answers the trial has taken up with these: all of them, where it shares them with no
            other trial.
        more_answers: of other trials' queries, stored and left for the next round.
        loaded_labels: of this round, those that the run started with.
        new_labels: answers of this round that can be trained on, without them.
        new_ties: answers `equal` of this round.
        recent_true_returns: `[num_recent]` of the sampled clips.
        fresh_true_returns: `[num_fresh]` of the fresh clips.
        pool_clips: clips in the pool.
        pool_megabytes: compressed size of the pool.
        pool_dropped: clips that left the pool so far.
        usage: of the buffer's process so far.
        notices: what the user must know of the teacher and of sources, each thing once.
        weight_changes: records so far of how much sources count: where it grows, labels that the learner has count
            otherwise, or no more.
    """

    queries: int
    more_answers: int
    loaded_labels: int
    new_labels: int
    new_ties: int
    recent_true_returns: np.ndarray
    fresh_true_returns: np.ndarray
    pool_clips: int
    pool_megabytes: float
    pool_dropped: int
    usage: ProcessUsage
    notices: list[str]
    weight_changes: int = 0


@ray.remote(num_cpus=0)
class PreferenceBuffer:
    """Holds the clip pool, the preference store, and the simulated teacher or the queue of people.

    Args:
        store_path: SQLite file.
        metadata: what the preferences are about.
        teacher: who answers.
        pool_clips: capacity of the pool.
        seed: of the run.
        spec: of the ensemble, for strategies that ask it.
        selection: name of a query strategy.
        window: labels handed to the reward learner at most; None for all.
        source_weights: weight of the labels of each source; 1 for those not named. What is recorded in the store
            goes before it.
        total_env_steps: of the run.
        load: saved preferences to start with, where the store is yet to be made.
        goes_on: whether queries are numbered on from those in the store; else the same queries come again, and are
            found there.
    """

    def __init__(
        self,
        store_path: str,
        metadata: dict[str, str],
        teacher: TeacherConfig,
        pool_clips: int,
        seed: int,
        spec: EnsembleSpec,
        selection: str,
        window: int | None,
        source_weights: Mapping[str, float],
        total_env_steps: int,
        load: str | None = None,
        goes_on: bool = False,
    ) -> None:
        answering = None if teacher.preset == PEOPLE else make_teacher(teacher)  # first: if it fails, no store is made
        saved, needs_next = None if load is None else Path(load), spec.network.sees_next_observations
        store = open_run_store(Path(store_path), metadata, saved, needs_next)
        self._collector: PairCollector
        if answering is None:
            queue = QueryQueue(Path(store_path).with_name(QUEUE_FILE))
            self._collector = PeopleCollector(store, queue, pool_clips, seed, selection, total_env_steps)
        else:
            self._collector = PreferenceCollector(store, answering, pool_clips, seed, selection)
        if goes_on:
            self._collector.replay(None)
        self._seed, self._window, self._source_weights = seed, window, source_weights
        self._fresh_clips: dict[str, FreshClips] = {}
        self._source_notices = SourceNotices(source_weights)
        self._spec = spec
        self._feature_scaling: ObservationScaling | None = None
        self._ensemble = RewardEnsemble(spec) if STRATEGIES[selection].needs_returns else None

    def join(self, trial: str, clips: list[Clip]) -> None:
        """Let a trial take part, for the first time or again; `clips` of it are what its part of the pool begins with.

        The other methods raise UnknownTrial for a trial that has not joined since this process was started.
        """
        self._fresh_clips.setdefault(trial, FreshClips())
        self._collector.pool.add(clips, trial)

    def _of(self, trial: str) -> FreshClips:
        if trial not in self._fresh_clips:
            raise UnknownTrial(trial)
        return self._fresh_clips[trial]

    def add_clips(self, trial: str, clips: list[Clip]) -> None:
        """Take in clips that a trial recorded."""
        self._of(trial)
        self._collector.pool.add(clips, trial)

    def show_episode(self, episode: RecordedEpisode, env_steps: int) -> None:
        """Let people watch an episode; of simulated teachers, nobody does."""
        if isinstance(self._collector, PeopleCollector):
            self._collector.show_episode(episode, env_steps)

    def ask(
        self, trial: str, taken: int, due: int, env_steps: int, published: PublishedReward | None
    ) -> tuple[RoundData, RoundReport]:
        """Ask until `due` queries were asked in all. Two results, so that the learner never sees the second.

        Args:
            trial: that asks.
            taken: how many of the run's queries it has taken up.
            due: queries in all.
            env_steps: age of its run.
            published: the version in force in it.
        """
        watched = self._of(trial)
        answered = self._collector.ask(due, env_steps, self._models(published), Asker(trial, taken))
        self._source_notices.take_in(answered.preferences)
        pool, rng = self._collector.pool, derive_rng(self._seed, "fresh", env_steps)
        fresh, reference = watched.sample(pool, rng, self._collector.judged_clip_ids, trial)
        pairs = self._pairs(self._newest_labels(answered.preferences), answered.clips)
        data = RoundData(pairs, _seen(answered.recent), _seen(fresh), _seen(reference))
        notices = [*answered.notices, *self._source_notices.take()]
        return data, self._report(answered.preferences, answered.taken, answered.recent, fresh, notices)

    def _pairs(self, labels: Sequence[Preference], clips: Mapping[str, Clip]) -> LabelledPairs | None:
        return LabelledPairs.from_preferences(labels, clips, self._weights)

    @property
    def _weights(self) -> Mapping[str, float]:
        return {**self._source_weights, **self._collector.recorded_weights().weights}

    def _newest_labels(self, preferences: Sequence[Preference]) -> list[Preference]:
        """Those in the window that are not withdrawn."""
        return newest_labels(counted(preferences, self._weights), self._window)

    def _models(self, published: PublishedReward | None) -> ClipModels:
        scaling = self._spec.scaling if published is None else published.scaling
        self._feature_scaling = self._feature_scaling or scaling  # of the first trial, for all: features are compared
        features = partial(clip_features, scaling=self._feature_scaling, action_space=self._spec.action_space)
        ensemble = self._ensemble
        if ensemble is None or published is None or published.version == 0:
            return ClipModels(features=features)
        ensemble.load(published)
        return ClipModels(lambda clips: ensemble.member_rewards_of_clips(clips).sum(-1), features)

    def replay(self, before_query: int | None) -> tuple[RoundReport, list[Portion]]:
        """Take up stored answers after a resume; gives the portions of them that `replayed` hands out."""
        preferences = self._collector.replay(before_query)
        self._source_notices.take_in(preferences)
        return self._report(preferences, self._collector.queries, [], [], []), self._portions(preferences)

    def labels_again(self, before_query: int | None) -> list[Portion]:
        """The portions of `replayed` that hold the labels of a learner which is made anew.

        Args:
            before_query: labels of the run's own queries before this one; None for all.
        """
        return self._portions(self._collector.stored(before_query))

    def _portions(self, preferences: Sequence[Preference]) -> list[Portion]:
        """The labels in the window, oldest first, by the numbers of their queries."""
        numbers = [label.query_index for label in self._newest_labels(preferences)]
        starts = sorted(set(numbers[::LABELS_PER_PORTION]))
        return list(zip(starts, [*starts[1:], preferences[-1].query_index + 1], strict=True)) if starts else []

    def replayed(self, portion: Portion) -> RoundData:
        """The labels of one portion."""
        labels = self._newest_labels(self._collector.stored_in(portion))
        return RoundData(self._pairs(labels, self._collector.stored_clips(labels)), None)

    def _report(
        self,
        preferences: Sequence[Preference],
        taken: int,
        recent: Sequence[Clip],
        fresh: Sequence[Clip],
        notices: list[str],
    ) -> RoundReport:
        pool = self._collector.pool
        preferences = counted(preferences, self._weights)
        loaded = [p for p in preferences if p.query_index < self._collector.num_loaded]
        targets = [p.answer.mu_left for p in preferences[len(loaded) :]]
        return RoundReport(
            queries=taken,
            more_answers=self._collector.queries - taken,
            loaded_labels=sum(p.answer.mu_left is not None for p in loaded),
            new_labels=sum(mu is not None for mu in targets),
            new_ties=sum(mu == 0.5 for mu in targets),
            recent_true_returns=_true_returns(recent),
            fresh_true_returns=_true_returns(fresh),
            pool_clips=len(pool),
            pool_megabytes=pool.num_bytes / 1e6,
            pool_dropped=pool.dropped,
            usage=process_usage(),
            notices=notices,
            weight_changes=self._collector.recorded_weights().changes,
        )

    def dump_pool(self, trial: str) -> list[bytes]:
        """The clips of a trial in the pool, for its checkpoint."""
        self._of(trial)
        return self._collector.pool.dump(trial)

    def restore_pool(self, trial: str, packed_clips: list[bytes]) -> None:
        """Replace the clips of a trial by those of its checkpoint; those of others stay."""
        self._of(trial)
        self._collector.pool.restore(packed_clips, trial)

    def dump_reference(self, trial: str) -> list[bytes]:
        """The reference clips of a trial, for its checkpoint."""
        return self._of(trial).dump()

    def restore_reference(self, trial: str, packed_clips: list[bytes]) -> None:
        """Take up the reference clips of a checkpoint."""
        self._of(trial).restore(packed_clips)


def _seen(clips: Sequence[Clip]) -> ClipArrays | None:
    return ClipArrays.from_clips(clips) if clips else None


def _true_returns(clips: Sequence[Clip]) -> np.ndarray:
    return np.array([clip.teacher_rewards.sum() for clip in clips])
