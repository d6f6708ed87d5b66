"""Chooses pairs from the clip pool, has them answered, and stores the answers: what the buffer actor holds."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.clip_pool import ClipPool
from rlhp_ray.errors import PreferenceStoreError, TeacherError
from rlhp_ray.preferences.pair_chooser import ClipModels, PairChooser
from rlhp_ray.preferences.preference import Preference
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.teachers import Teacher
from rlhp_ray.seeding import derive_rng

RECENT_CLIPS = 128  # sample of the pool over which rewards are normalised: 3,200 steps, 25 MB of pixels
NO_MODELS = ClipModels()


@dataclass(frozen=True, eq=False)
class AnsweredRound:
    """What one round of queries gave.

    Args:
        preferences: new answers in the order of their queries, skips included.
        clips: the clips that they refer to, by id.
        recent: a sample of the clip pool.
        notices: what the user must know of the teacher, each thing once.
    """

    preferences: list[Preference]
    clips: dict[str, Clip]
    recent: list[Clip]
    notices: list[str]


class PreferenceCollector:
    """One trial's clip pool, teacher and preference store. Every random choice is derived from seed and query number.

    Args:
        store: durable.
        teacher: answers every query at once.
        pool_clips: capacity of the pool.
        seed: of the run.
        selection: name of the query strategy.

    `queries` counts those that the run asked, and `num_loaded` those that it started with, whose numbers come first.
    """

    def __init__(
        self, store: PreferenceStore, teacher: Teacher, pool_clips: int, seed: int, selection: str = "uniform"
    ) -> None:
        self._store = store
        self._teacher = teacher
        self._seed = seed
        self.pool = ClipPool(pool_clips)
        self._chooser = PairChooser(selection, self.pool, store)
        self.num_loaded = store.num_loaded()
        self.queries = 0
        self._asked: set[tuple[str, str]] = set()

    def ask(self, due: int, env_steps: int, models: ClipModels = NO_MODELS) -> AnsweredRound:
        """Ask until `due` queries were asked in all; answers are on disk when this returns.

        A query that was answered before (the run was killed after its answer and resumed) is found, not asked again;
        so is a pair that the same teacher judged under another number, and it stays stored once.

        Args:
            due: queries in all; fewer are asked where the pool holds no more new pairs.
            env_steps: age of the run.
            models: what the query strategy may know of clips.

        Raises:
            TeacherError: a function of the user's failed; no answer of this call is kept.
        """
        recent = self.pool.sample(derive_rng(self._seed, "recent", env_steps), RECENT_CLIPS)
        chosen = self._choose(due - self.queries, models)
        notices = self._calibrate(recent) if chosen else []
        answered = [self._answer(index, *pair, env_steps) for index, pair in enumerate(chosen, start=self._next_query)]
        clips = self._clips_of(answered)
        if answered:
            self._store.record(answered, clips.values())
        self.queries += len(answered)  # after the store has acknowledged them: else they would never be asked again
        self._asked.update(_key(*pair) for pair in chosen)
        return AnsweredRound(answered, clips, recent, notices)

    @property
    def judged_clip_ids(self) -> set[str]:
        """Clips that were asked about in this run, or that it started with preferences about."""
        return {clip_id for pair in self._asked for clip_id in pair}

    @property
    def _next_query(self) -> int:
        return self.num_loaded + self.queries

    def _choose(self, num_pairs: int, models: ClipModels) -> list[tuple[str, str]]:
        if num_pairs <= 0:
            return []
        return self._chooser.choose(derive_rng(self._seed, "pairs", self._next_query), num_pairs, self._asked, models)

    def _calibrate(self, recent: list[Clip]) -> list[str]:
        with _named(f"thresholds before query {self._next_query}"):
            return self._teacher.calibrate(recent)

    def _answer(self, query_index: int, left_id: str, right_id: str, env_steps: int) -> Preference:
        stored = self._store.find(query_index, left_id, right_id)
        if stored is not None:
            return stored
        stored = self._store.find_pair(left_id, right_id, self._teacher.name)
        if stored is not None:  # asked after the checkpoint that the run went back to, under another number
            return self._store.renumber(stored, query_index)
        left, right = self.pool.get([left_id, right_id])
        rng = derive_rng(self._seed, "teacher", query_index)
        with _named(f"query {query_index}"):
            answer = self._teacher.answer(left, right, rng)
        return Preference(query_index, left_id, right_id, answer, self._teacher.name, env_steps)

    def _clips_of(self, preferences: Sequence[Preference]) -> dict[str, Clip]:
        ids = dict.fromkeys(clip_id for p in preferences for clip_id in (p.left_id, p.right_id))
        return dict(zip(ids, self.pool.get(list(ids)), strict=True))

    def replay(self, before_query: int | None) -> list[Preference]:
        """Take up stored answers, the loaded ones and of the run's own those before this query, or all with None.

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
        self.queries = (self._store.num_queries() if end is None else end) - self.num_loaded
        self._asked = {_key(p.left_id, p.right_id) for p in preferences}
        return preferences

    def stored_clips(self, preferences: Sequence[Preference]) -> dict[str, Clip]:
        """The clips that stored answers refer to, by id."""
        return self._store.clips(clip_id for p in preferences for clip_id in (p.left_id, p.right_id))


@contextmanager
def _named(occasion: str) -> Iterator[None]:
    """Says on what occasion a teacher failed."""
    try:
        yield
    except TeacherError as error:
        raise TeacherError(f"{occasion}: {error}") from error


def _key(left_id: str, right_id: str) -> tuple[str, str]:
    return (left_id, right_id) if left_id < right_id else (right_id, left_id)
