"""Everything that people said in a queue, checks included, as what their quality is computed from."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rlhp_ray.errors import LabellingStorageError
from rlhp_ray.preferences.check_queries import CheckKind
from rlhp_ray.preferences.preference import Answer
from rlhp_ray.preferences.preference_database import connect_read_only

_ORDINARY = """SELECT labeller, left_id, right_id, answer, response_seconds, answered_unix_s, NULL, NULL
FROM standing JOIN queries USING (query_id)"""
_CHECKS = """SELECT labeller, left_id, right_id, answer, response_seconds, answered_unix_s, kind, expected
FROM standing_checks"""


@dataclass(frozen=True)
class Judgement:
    """A standing answer of a person.

    Args:
        labeller: who gave it.
        left_id: clip shown on the left.
        right_id: clip shown on the right.
        answer: what was said.
        response_seconds: from showing to answering.
        check: what the pair was shown for; None for one that is learnt from.
        expected: what would be right of a gold pair, or consistent of a repeat.
    """

    labeller: str
    left_id: str
    right_id: str
    answer: Answer
    response_seconds: float
    check: CheckKind | None = None
    expected: Answer | None = None

    @property
    def pair(self) -> tuple[str, str]:
        """The same whichever way round it was shown."""
        return min(self.left_id, self.right_id), max(self.left_id, self.right_id)

    @property
    def answer_of_pair(self) -> Answer:
        """What was said of `pair`."""
        return self.answer if self.left_id <= self.right_id else self.answer.mirrored


def read_judgements(path: Path) -> list[Judgement]:
    """In the order in which they were given; the file, of a run that goes on or has ended, is not changed.

    Raises:
        LabellingStorageError: it cannot be read.
    """
    # Where no log is, nobody writes, and SQLite need not put one there: a read-only connection could not remove it.
    is_still = not path.with_name(path.name + "-wal").exists()
    try:
        with closing(connect_read_only(path, immutable=is_still)) as connection:
            has_checks = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'standing_checks'").fetchone()
            query = f"{_ORDINARY} UNION ALL {_CHECKS}" if has_checks else _ORDINARY
            rows = connection.execute(f"{query} ORDER BY 6").fetchall()
    except sqlite3.Error as error:
        raise LabellingStorageError(
            f"{path} cannot be read ({error}); expected a queue that rlhp wrote. Restore a copy of it."
        ) from error
    return [
        Judgement(
            row[0],
            row[1],
            row[2],
            Answer(row[3]),
            row[4],
            None if row[6] is None else CheckKind(row[6]),
            None if row[7] is None else Answer(row[7]),
        )
        for row in rows
    ]
