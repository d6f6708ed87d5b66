"""Pairs that people are shown to learn about the people: never learnt from, and like any other pair on the page.

Three kinds, each at a rate of its own: a pair of the person's own once more with its sides swapped (repeat), a pair
whose answer is known (gold), and a pair that somebody else has answered (overlap).
"""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from rlhp_ray.errors import LabellingError
from rlhp_ray.preferences.preference import Answer

PAIRS_APART = 10  # answers between a pair and its repeat, so that it is not known by heart
MAX_GOLD = 1000


class CheckKind(StrEnum):
    """What a pair is shown for."""

    REPEAT = "repeat"
    GOLD = "gold"
    OVERLAP = "overlap"

    @property
    def rate_fact(self) -> str:
        """Name of the queue's fact that says at which rate it is shown."""
        return f"{self.value}_rate"


CHECK_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS checks (
    check_id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('repeat', 'gold', 'overlap')),
    labeller TEXT NOT NULL,
    left_id TEXT NOT NULL REFERENCES clips (clip_id),
    right_id TEXT NOT NULL REFERENCES clips (clip_id),
    env_steps INTEGER NOT NULL,
    expected TEXT CHECK (expected IN ('left', 'right', 'equal'))
)""",
    """CREATE TABLE IF NOT EXISTS check_answers (
    answer_id INTEGER PRIMARY KEY AUTOINCREMENT,
    submission TEXT NOT NULL UNIQUE,
    check_id INTEGER NOT NULL REFERENCES checks (check_id),
    answer TEXT NOT NULL CHECK (answer IN ('left', 'right', 'equal', 'skip')),
    response_seconds REAL NOT NULL,
    answered_unix_s REAL NOT NULL
)""",
    """CREATE TABLE IF NOT EXISTS check_undos (
    submission TEXT PRIMARY KEY,
    answer_id INTEGER NOT NULL UNIQUE REFERENCES check_answers (answer_id),
    undone_unix_s REAL NOT NULL
) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS gold (
    left_id TEXT NOT NULL REFERENCES clips (clip_id),
    right_id TEXT NOT NULL REFERENCES clips (clip_id),
    answer TEXT NOT NULL CHECK (answer IN ('left', 'right')),
    PRIMARY KEY (left_id, right_id)
) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS checks_of_labeller ON checks (labeller, kind)",
    "CREATE INDEX IF NOT EXISTS answers_of_check ON check_answers (check_id)",
    """CREATE VIEW IF NOT EXISTS standing_checks AS
    SELECT check_answers.*, kind, labeller, left_id, right_id, env_steps, expected FROM check_answers
    JOIN checks USING (check_id) WHERE answer_id NOT IN (SELECT answer_id FROM check_undos)""",
)

# Candidates for a new pair, `?1` being the labeller: left, right, env steps, expected answer; one at random is taken.
_SHOWN = "SELECT 1 FROM checks WHERE checks.labeller = ?1 AND"
_SAME_PAIR = "((checks.left_id = {0}.left_id AND checks.right_id = {0}.right_id) OR (checks.left_id = {0}.right_id AND "
_SAME_PAIR += "checks.right_id = {0}.left_id))"
_CANDIDATES = {
    CheckKind.REPEAT: f"""SELECT right_id, left_id, env_steps,
    CASE answer WHEN 'left' THEN 'right' WHEN 'right' THEN 'left' ELSE answer END
    FROM standing JOIN queries USING (query_id) WHERE labeller = ?1 AND answer != 'skip' AND answer_id <=
    (SELECT answer_id FROM standing WHERE labeller = ?1 ORDER BY answer_id DESC LIMIT 1 OFFSET {PAIRS_APART})
    AND NOT EXISTS ({_SHOWN} kind = 'repeat' AND {_SAME_PAIR.format("queries")})""",
    CheckKind.GOLD: f"""SELECT left_id, right_id, 0, answer FROM gold
    WHERE NOT EXISTS ({_SHOWN} kind = 'gold' AND {_SAME_PAIR.format("gold")})""",
    CheckKind.OVERLAP: f"""SELECT left_id, right_id, env_steps, NULL FROM queries
    WHERE EXISTS (SELECT 1 FROM standing WHERE standing.query_id = queries.query_id AND answer != 'skip')
    AND NOT EXISTS (SELECT 1 FROM standing WHERE standing.query_id = queries.query_id AND labeller = ?1)
    AND NOT EXISTS ({_SHOWN} kind = 'overlap' AND {_SAME_PAIR.format("queries")})""",
}


@dataclass(frozen=True)
class GoldPair:
    """A pair whose answer is known: left or right."""

    left_id: str
    right_id: str
    answer: Answer


def store_gold(connection: sqlite3.Connection, pairs: Iterable[GoldPair]) -> None:
    """Keep pairs to be shown; their clips are stored before."""
    connection.executemany(
        "INSERT OR REPLACE INTO gold VALUES (?, ?, ?)", [(p.left_id, p.right_id, p.answer.value) for p in pairs]
    )


def due_check(connection: sqlite3.Connection, labeller: str, rates: Mapping[CheckKind, float]) -> tuple | None:
    """The check that this person has to answer now: (id, left id, right id, env steps); None where none is due.

    One is due where of all that they were shown, checks of its kind are fewer than its rate says.
    """
    open_one = connection.execute(
        "SELECT check_id, left_id, right_id, env_steps FROM checks WHERE labeller = ? AND check_id NOT IN "
        "(SELECT check_id FROM standing_checks) ORDER BY check_id LIMIT 1",
        (labeller,),
    ).fetchone()
    if open_one is not None or not any(rates.values()):
        return open_one
    given = connection.execute("SELECT count(*) FROM standing WHERE labeller = ?", (labeller,)).fetchone()[0]
    made = dict(
        connection.execute("SELECT kind, count(*) FROM checks WHERE labeller = ? GROUP BY kind", (labeller,)).fetchall()
    )
    shown = given + sum(made.values()) + 1
    for kind, rate in rates.items():
        if rate * shown - made.get(kind.value, 0) < 1:
            continue
        found = connection.execute(f"{_CANDIDATES[kind]} ORDER BY random() LIMIT 1", (labeller,)).fetchone()
        if found is not None:
            return _made(connection, kind, labeller, found)
    return None


def _made(connection: sqlite3.Connection, kind: CheckKind, labeller: str, found: tuple) -> tuple:
    """Numbered on with the queries, so that nobody can tell it from one."""
    connection.execute("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'queries'")
    number = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'queries'").fetchone()[0]
    connection.execute("INSERT INTO checks VALUES (?, ?, ?, ?, ?, ?, ?)", (number, kind.value, labeller, *found))
    return number, *found[:3]


def answer_check(
    connection: sqlite3.Connection,
    submission: str,
    check_id: int,
    labeller: str,
    answer: Answer,
    response_seconds: float,
    now: float,
) -> bool | None:
    """Store the answer to a check: whether it is new; None where the id is that of no check.

    Raises:
        LabellingError: it is another person's, or was answered already.
    """
    if connection.execute("SELECT 1 FROM check_answers WHERE submission = ?", (submission,)).fetchone():
        return False
    row = connection.execute("SELECT labeller FROM checks WHERE check_id = ?", (check_id,)).fetchone()
    if row is None:
        return None
    if row[0] != labeller:
        raise LabellingError(f"there is no query {check_id}; expected one that was handed out")
    if connection.execute("SELECT 1 FROM standing_checks WHERE check_id = ?", (check_id,)).fetchone():
        raise LabellingError(f"{labeller} has answered query {check_id} already; undo that answer first")
    connection.execute(
        "INSERT INTO check_answers (submission, check_id, answer, response_seconds, answered_unix_s) "
        "VALUES (?, ?, ?, ?, ?)",
        (submission, check_id, answer.value, response_seconds, now),
    )
    return True


def undo_check(
    connection: sqlite3.Connection, submission: str, labeller: str, after_unix_s: float, now: float
) -> tuple | None:
    """Take back a person's last answer to a check, if it is newer than `after_unix_s`; the check comes again.

    Returns:
        (id, left id, right id, env steps); None where there is none.
    """
    columns = "check_id, left_id, right_id, env_steps"
    done = connection.execute(
        f"SELECT {columns} FROM check_undos JOIN check_answers USING (answer_id) JOIN checks USING (check_id) "
        "WHERE check_undos.submission = ?",
        (submission,),
    ).fetchone()
    if done is not None:
        return done
    row = connection.execute(
        f"SELECT answer_id, {columns} FROM standing_checks WHERE labeller = ? AND answered_unix_s > ? "
        "ORDER BY answer_id DESC LIMIT 1",
        (labeller, after_unix_s),
    ).fetchone()
    if row is None:
        return None
    connection.execute("INSERT INTO check_undos VALUES (?, ?, ?)", (submission, row[0], now))
    return row[1:]
