"""From the queue of people to the preference store: every answer that is learnt from is stored there once."""

from collections.abc import Sequence

from rlhp_ray.clips.clip import Clip
from rlhp_ray.preferences.preference import Preference
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.query_queue import GivenAnswer, QueryQueue


class AnswerIntake:
    """Takes answers out of a queue and stores them as preferences, numbered on.

    One that was killed between the two finds them in the queue, and stores them when it is made again.

    Args:
        queue: of people.
        store: durable.
    """

    def __init__(self, queue: QueryQueue, store: PreferenceStore) -> None:
        self._queue, self._store = queue, store
        self._keep(queue.taken())

    def take_up(self, *, all_of_them: bool = False) -> tuple[list[Preference], dict[str, Clip]]:
        """New preferences, with their clips by id; on disk when this returns.

        Args:
            all_of_them: also answers that their people could still undo.
        """
        return self._keep(self._queue.take_settled(all_of_them=all_of_them))

    def _keep(self, given: Sequence[GivenAnswer]) -> tuple[list[Preference], dict[str, Clip]]:
        preferences: list[Preference] = []
        clips: dict[str, Clip] = {}
        times = []
        first = self._store.num_queries()
        for each in given:
            left_id, right_id = each.query.left_id, each.query.right_id
            if self._store.find_pair(left_id, right_id, each.labeller) is not None:
                continue
            number, age = first + len(preferences), each.query.env_steps
            preferences.append(Preference(number, left_id, right_id, each.answer, each.labeller, age))
            times.append(each.answered_unix_s)
            clips |= {clip_id: self._queue.clip(clip_id) for clip_id in (left_id, right_id) if clip_id not in clips}
        if preferences:
            self._store.record(preferences, clips.values(), times)
        return preferences, clips
