"""What every collector of preferences has: the clip pool, the choice of pairs, and the durable store."""

from collections.abc import Sequence
from dataclasses import dataclass

from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.clip_pool import ClipPool
from rlhp_ray.errors import PreferenceStoreError
from rlhp_ray.preferences.pair_chooser import ClipModels, PairChooser
from rlhp_ray.preferences.preference import Preference
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.source_weights import RecordedWeights
from rlhp_ray.seeding import derive_rng

RECENT_CLIPS = 128  # sample of the pool over which rewards are normalised: 3,200 steps, 25 MB of pixels
ANSWERS_AT_ONCE = 256  # of those that others had asked, handed to one trial in a round: of pixels 100 MB
NO_MODELS = ClipModels()


@dataclass(frozen=True)
class Asker:
    """A trial that asks, alone or among others that share the answers.

    Args:
        trial: its name, as its clips are filed.
        taken: how many of the run's own queries it has taken up, in their order; None for all that were asked so far.
    """

    trial: str = ""
    taken: int | None = None


ALONE = Asker()


@dataclass(frozen=True, eq=False)
class NewAnswers:
    """What was answered since the last call, whoever asked.

    Args:
        preferences: on disk, in the order of their queries, skips included.
        clips: the clips that they refer to, by id.
        notices: what the user must know of the teacher, each thing once.
    """

    preferences: list[Preference]
    clips: dict[str, Clip]
    notices: list[str]


@dataclass(frozen=True, eq=False)
class AnsweredRound:
    """What one round of queries gives to the trial that asked.

    Args:
        preferences: answers that it had not taken up, in the order of their queries, skips included.
        clips: the clips that they refer to, by id.
        recent: a sample of its clips in the pool.
        notices: what the user must know of the teacher, each thing once.
        taken: how many of the run's own queries it has taken up with these.
    """

    preferences: list[Preference]
    clips: dict[str, Clip]
    recent: list[Clip]
    notices: list[str]
    taken: int


class PairCollector:
    """The clip pool and the preference store of a trial, or of several that share the answers.

    Every random choice is derived from seed and query number. Queries are numbered in the order in which they were
    asked, and each trial takes their answers up in that order: what it has is told by how many.

    Args:
        store: durable.
        pool_clips: capacity of the pool.
        seed: of the run.
        selection: name of the query strategy.

    `queries` counts those that the run asked, and `num_loaded` those that it started with, whose numbers come first.
    """

    def __init__(self, store: PreferenceStore, pool_clips: int, seed: int, selection: str) -> None:
        self._store = store
        self._seed = seed
        self.pool = ClipPool(pool_clips)
        self._chooser = PairChooser(selection, self.pool, store)
        self.num_loaded = store.num_loaded()
        self.queries = 0
        self._asked: set[tuple[str, str]] = set()

    def ask(self, due: int, env_steps: int, models: ClipModels = NO_MODELS, asker: Asker = ALONE) -> AnsweredRound:
        """Ask until `due` queries were asked in all; answers are on disk when this returns.

        A trial that shares them is given those of others with its own, so many that memory is bounded: the rest next
        time.

        Args:
            due: queries in all.
            env_steps: age of the run that asks.
            models: what the query strategy may know of clips.
            asker: whose answers these are to become.
        """
        before, recent = self.queries, self._recent(env_steps, asker.trial)
        new = self._ask(due, env_steps, models, recent, asker.trial)
        taken = before if asker.taken is None else asker.taken
        earlier = self.stored_in((self.num_loaded + taken, self.num_loaded + before))
        handed = [*earlier, *new.preferences][: max(ANSWERS_AT_ONCE, len(new.preferences))]
        clips = {**self.stored_clips(handed[: len(earlier)]), **new.clips}
        if handed:
            taken = handed[-1].query_index + 1 - self.num_loaded
        return AnsweredRound(handed, clips, recent, new.notices, taken)

    def _ask(self, due: int, env_steps: int, models: ClipModels, recent: list[Clip], trial: str) -> NewAnswers:
        """Ask until `due` queries were asked in all; `recent` is a sample of the clips of the trial that asks."""
        raise NotImplementedError

    def recorded_weights(self) -> RecordedWeights:
        """How much the answers of each source count, by what was recorded while the run went on or between."""
        return self._store.weights()

    @property
    def judged_clip_ids(self) -> set[str]:
        """Clips that were asked about in this run, or that it started with preferences about."""
        return {clip_id for pair in self._asked for clip_id in pair}

    def _recent(self, env_steps: int, trial: str | None = None) -> list[Clip]:
        """A sample of the pool, of one trial's clips where it has any there."""
        own = None if trial is None else self.pool.recorded_by(trial)
        return self.pool.sample(derive_rng(self._seed, "recent", env_steps), RECENT_CLIPS, own or None)

    def _choose(self, number: int, num_pairs: int, models: ClipModels) -> list[tuple[str, str]]:
        """At most `num_pairs` new pairs; `number` is that of the first of them."""
        if num_pairs <= 0:
            return []
        return self._chooser.choose(derive_rng(self._seed, "pairs", number), num_pairs, self._asked, models)

    def replay(self, before_query: int | None) -> list[Preference]:
        """Take up stored answers, the loaded ones and of the run's own those before this query, or all with None.

        Raises:
            PreferenceStoreError: an answer before this query is not in the store.
        """
        preferences = self.stored(before_query)
        self.queries = (self._store.num_queries() - self.num_loaded) if before_query is None else before_query
        self._asked = {unordered(p.left_id, p.right_id) for p in preferences}
        return preferences

    def stored(self, before_query: int | None) -> list[Preference]:
        """The same answers, only looked at.

        Raises:
            PreferenceStoreError: an answer before this query is not in the store.
        """
        end = None if before_query is None else self.num_loaded + before_query
        preferences = self._store.preferences(end)
        held = len({p.query_index for p in preferences})
        if end is not None and held < end:
            raise PreferenceStoreError(
                f"{self._store.path} lacks answers: it holds {held} of the {end} queries that were answered "
                "before the checkpoint. Restore preferences.sqlite beside the run, then resume it."
            )
        return preferences

    def stored_in(self, queries: tuple[int, int]) -> list[Preference]:
        """Stored answers to the queries from one number, loaded ones counted too, to before another."""
        return self._store.preferences(queries[1], queries[0])

    def stored_clips(self, preferences: Sequence[Preference]) -> dict[str, Clip]:
        """The clips that stored answers refer to, by id."""
        return self._store.clips(clip_id for p in preferences for clip_id in (p.left_id, p.right_id))


def unordered(left_id: str, right_id: str) -> tuple[str, str]:
    """The same for a pair whichever way round it is shown."""
    return (left_id, right_id) if left_id < right_id else (right_id, left_id)
