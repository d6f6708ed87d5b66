"""Saved clips, labelled by people without a run: the pairs of a preference database, asked anew."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from rlhp_ray.preferences.answer_intake import AnswerIntake
from rlhp_ray.preferences.preference_database import STORE_FILE
from rlhp_ray.preferences.preference_source import DatabaseSource
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.query_queue import QueryQueue

LABELLED_DIRECTORY = "labelled"  # in the directory whose clips are labelled; `preferences.load` takes it


def offer_saved(queue: QueryQueue, database: Path, instruction: str) -> None:
    """Put every pair of a preference database into a queue; those put there before stay as they are."""
    with DatabaseSource(database) as source:
        clips = dict(source.clips())
        saved = list(source.preferences())
        for each in saved:
            pair = each.preference.left_id, each.preference.right_id
            queue.offer([pair], [clips[clip_id] for clip_id in pair], each.preference.env_steps)
        subject = source.subject
    queue.state_facts(
        {
            "env_id": subject.env_id,
            "frame_skip": subject.frame_skip,
            "budget": len({frozenset(pair) for pair in queue.pairs()}),
            "instruction": instruction,
        }
    )


@contextlib.contextmanager
def labelled_store(queue: QueryQueue, database: Path) -> Iterator[AnswerIntake]:
    """Where the answers go as preferences: a database about the same, beside; all are in it at the end.

    Args:
        queue: that people answer.
        database: whose clips they are asked about.
    """
    with DatabaseSource(database) as source:
        metadata = source.subject.to_metadata()
    directory = database.parent / LABELLED_DIRECTORY
    directory.mkdir(exist_ok=True)
    store = PreferenceStore(directory / STORE_FILE, metadata)
    try:
        intake = AnswerIntake(queue, store)
        try:
            yield intake
        finally:
            intake.take_up(all_of_them=True)
    finally:
        store.close()
