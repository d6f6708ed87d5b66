"""Chooses pairs from the clip pool, has a simulated teacher answer them at once, and stores the answers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rlhp_ray.clips.clip import Clip
from rlhp_ray.errors import TeacherError
from rlhp_ray.preferences.pair_chooser import ClipModels
from rlhp_ray.preferences.pair_collector import NewAnswers, PairCollector, unordered
from rlhp_ray.preferences.preference import Preference
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.teachers import Teacher
from rlhp_ray.seeding import derive_rng


class PreferenceCollector(PairCollector):
    """A `PairCollector` with a teacher.

    Args:
        store: durable.
        teacher: answers every query at once.
        pool_clips: capacity of the pool.
        seed: of the run.
        selection: name of the query strategy.
    """

    def __init__(
        self, store: PreferenceStore, teacher: Teacher, pool_clips: int, seed: int, selection: str = "uniform"
    ) -> None:
        super().__init__(store, pool_clips, seed, selection)
        self._teacher = teacher

    def _ask(self, due: int, env_steps: int, models: ClipModels, recent: list[Clip], trial: str) -> NewAnswers:
        """Ask until `due` queries were asked in all, or fewer where the pool holds no more new pairs.

        A query that was answered before (the run was killed after its answer and resumed) is found, not asked again;
        so is a pair that the same teacher judged under another number, and it stays stored once.

        Raises:
            TeacherError: a function of the user's failed; no answer of this call is kept.
        """
        chosen = self._choose(self._next_query, due - self.queries, models)
        notices = []
        if chosen:
            has_others = len(self.pool.recorded_by(trial)) < len(self.pool)
            notices = self._calibrate(self._recent(env_steps) if has_others else recent)
        answered = [self._answer(index, *pair, env_steps) for index, pair in enumerate(chosen, start=self._next_query)]
        clips = self._clips_of(answered)
        if answered:
            self._store.record(answered, clips.values())
        self.queries += len(answered)  # after the store has acknowledged them: else they would never be asked again
        self._asked.update(unordered(*pair) for pair in chosen)
        return NewAnswers(answered, clips, notices)

    @property
    def _next_query(self) -> int:
        return self.num_loaded + self.queries

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


@contextmanager
def _named(occasion: str) -> Iterator[None]:
    """Says on what occasion a teacher failed."""
    try:
        yield
    except TeacherError as error:
        raise TeacherError(f"{occasion}: {error}") from error
