"""Chooses pairs from the clip pool, offers them to people, and stores what they answered meanwhile."""

from rlhp_ray.clips.clip import Clip
from rlhp_ray.preferences.pair_chooser import ClipModels
from rlhp_ray.preferences.pair_collector import NO_MODELS, AnsweredRound, PairCollector, unordered
from rlhp_ray.preferences.preference import Preference
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.query_queue import GivenAnswer, QueryQueue

MAX_WAITING = 64  # queries on offer: three for each of twenty people
STALE_SHARE = 0.1  # of the run: pairs on offer for longer show a policy that is gone


class PeopleCollector(PairCollector):
    """A `PairCollector` whose queries people answer, whenever they like; `queries` counts those taken up.

    A run that was killed between taking answers from the queue and storing them as preferences finds them in the queue
    when it is resumed: each is stored exactly once.

    Args:
        store: durable.
        queue: shared with the server of the page.
        pool_clips: capacity of the pool.
        seed: of the run.
        selection: name of the query strategy.
        total_env_steps: of the whole run.
    """

    def __init__(
        self,
        store: PreferenceStore,
        queue: QueryQueue,
        pool_clips: int,
        seed: int,
        selection: str,
        total_env_steps: int,
    ) -> None:
        super().__init__(store, pool_clips, seed, selection)
        self._queue = queue
        self._stale_env_steps = int(STALE_SHARE * total_env_steps)
        self._asked = {unordered(*pair) for pair in queue.pairs()}
        self.queries = store.num_queries() - self.num_loaded
        self._store_answers(queue.taken())

    def ask(self, due: int, env_steps: int, models: ClipModels = NO_MODELS) -> AnsweredRound:
        """Store what was answered since the last call, and offer so many pairs that `due` are answered in the end.

        Pairs on offer for a tenth of the run are replaced by pairs of the present policy.
        """
        answered, clips = self._store_answers(self._queue.take_settled())
        self._queue.withdraw_older(env_steps - self._stale_env_steps)
        counts = self._queue.counts()
        wanted = min(MAX_WAITING, due - counts.answered) - counts.waiting
        pairs = self._choose(self.num_loaded + len(self._asked), wanted, models)
        if pairs:
            offered = self.pool.get(sorted({clip_id for pair in pairs for clip_id in pair}))
            self._queue.offer(pairs, offered, env_steps)
            self._asked.update(unordered(*pair) for pair in pairs)
        self._queue.state_facts({"env_steps": env_steps, "due": due})
        return AnsweredRound(answered, clips, self._recent(env_steps), [])

    def replay(self, before_query: int | None) -> list[Preference]:
        preferences = super().replay(before_query)
        self._asked |= {unordered(*pair) for pair in self._queue.pairs()}
        return preferences

    def _store_answers(self, given: list[GivenAnswer]) -> tuple[list[Preference], dict[str, Clip]]:
        answered: list[Preference] = []
        clips: dict[str, Clip] = {}
        for each in given:
            left_id, right_id, source = each.query.left_id, each.query.right_id, each.labeller
            if self._store.find_pair(left_id, right_id, source) is not None:
                continue
            number = self.num_loaded + self.queries + len(answered)
            answered.append(Preference(number, left_id, right_id, each.answer, source, each.query.env_steps))
            clips |= {clip_id: self._queue.clip(clip_id) for clip_id in (left_id, right_id) if clip_id not in clips}
        if answered:
            times = {(each.query.left_id, each.query.right_id): each.answered_unix_s for each in given}
            self._store.record(answered, clips.values(), [times[p.left_id, p.right_id] for p in answered])
            self.queries += len(answered)
        return answered, clips
