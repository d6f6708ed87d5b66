"""Chooses pairs from the clip pool, offers them to people, and stores what they answered meanwhile."""

from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.episode_recorder import RecordedEpisode
from rlhp_ray.preferences.answer_intake import AnswerIntake
from rlhp_ray.preferences.pair_chooser import ClipModels
from rlhp_ray.preferences.pair_collector import NewAnswers, PairCollector, unordered
from rlhp_ray.preferences.preference import Preference
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.query_queue import QueryQueue

MAX_WAITING = 64  # queries on offer: three for each of twenty people
STALE_SHARE = 0.1  # of the run: pairs on offer for longer show a policy that is gone


class PeopleCollector(PairCollector):
    """A `PairCollector` whose queries people answer, whenever they like; `queries` counts those taken up.

    A run that was killed between taking answers from the queue and storing them as preferences finds them in the queue
    when it is resumed: each is stored exactly once.

    Of several trials that share the answers, the one that is furthest on says what is due, and how old a pair is.

    Args:
        store: durable.
        queue: shared with the server of the page.
        pool_clips: capacity of the pool.
        seed: of the run.
        selection: name of the query strategy.
        total_env_steps: of the whole run; of the longest, where several share the answers.
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
        self._furthest, self._most_due = 0, 0
        self._asked = {unordered(*pair) for pair in queue.pairs()}
        self._intake = AnswerIntake(queue, store)
        self.queries = store.num_queries() - self.num_loaded

    def _ask(self, due: int, env_steps: int, models: ClipModels, recent: list[Clip], trial: str) -> NewAnswers:
        """Store what was answered since the last call, and offer so many pairs that `due` are answered in the end.

        Pairs on offer for a tenth of the run are replaced by pairs of the present policy.
        """
        self._furthest = env_steps = max(env_steps, self._furthest)
        self._most_due = due = max(due, self._most_due)
        answered, clips = self._intake.take_up()
        self.queries += len(answered)
        self._queue.withdraw_older(env_steps - self._stale_env_steps)
        counts = self._queue.counts()
        wanted = min(MAX_WAITING, due - counts.answered) - counts.waiting
        pairs = self._choose(self.num_loaded + len(self._asked), wanted, models)
        if pairs:
            offered = self.pool.get(sorted({clip_id for pair in pairs for clip_id in pair}))
            self._queue.offer(pairs, offered, env_steps)
            self._asked.update(unordered(*pair) for pair in pairs)
        self._queue.state_facts({"env_steps": env_steps, "due": due})
        return NewAnswers(answered, clips, [])

    def show_episode(self, episode: RecordedEpisode, env_steps: int) -> None:
        """Let people watch an episode of the policy, which is `env_steps` old."""
        self._queue.show_episode(episode, env_steps)

    def replay(self, before_query: int | None) -> list[Preference]:
        preferences = super().replay(before_query)
        self._asked |= {unordered(*pair) for pair in self._queue.pairs()}
        return preferences
