"""Gold pairs: saved preferences of somebody who knows, by which people are checked."""

from pathlib import Path

from rlhp_ray.errors import PreferenceStoreError
from rlhp_ray.preferences.check_queries import MAX_GOLD, GoldPair
from rlhp_ray.preferences.preference import Answer
from rlhp_ray.preferences.preference_subject import PreferenceSubject
from rlhp_ray.preferences.query_queue import QueryQueue
from rlhp_ray.preferences.source_location import open_source


def offer_gold(queue: QueryQueue, path: Path, subject: PreferenceSubject) -> int:
    """Put the newest MAX_GOLD decided preferences of a source into a queue; how many there are.

    Args:
        queue: of the run.
        path: run directory, preference database or export.
        subject: what the run is about.

    Raises:
        PreferenceStoreError: the source cannot be read, is about something else, or holds no decided preference.
    """
    with open_source(path) as source:
        subject.require_fit("this configuration", source.subject, source.path)
        saved = [each.preference for each in source.preferences()]
        decided = [p for p in saved if p.answer in (Answer.LEFT, Answer.RIGHT)][-MAX_GOLD:]
        if not decided:
            raise PreferenceStoreError(
                f"{path} holds no pair of which one clip was preferred, so that nobody can be checked by it; expected "
                "some. Leave labelling.gold out, or name other preferences."
            )
        wanted = {clip_id for p in decided for clip_id in (p.left_id, p.right_id)}
        clips = [clip for clip_id, clip in source.clips() if clip_id in wanted]
    queue.offer_gold([GoldPair(p.left_id, p.right_id, p.answer) for p in decided], clips)
    return len(decided)
