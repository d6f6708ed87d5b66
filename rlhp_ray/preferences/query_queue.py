"""Queries that wait for people, and what people answered: on disk before anybody is told so.

Several processes share one file: the run offers pairs and takes answers up, servers lease pairs to people and store
answers. An answer is never changed or deleted; undoing it is a record of its own. Only the first standing answer to a
query is learnt from; others of it, of a person whose lease had run out, are kept to compare people by.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.episode_recorder import RecordedEpisode
from rlhp_ray.errors import LabellingError, LabellingStorageError
from rlhp_ray.preferences.check_queries import (
    CheckKind,
    GoldPair,
    answer_check,
    due_check,
    store_gold,
    undo_check,
)
from rlhp_ray.preferences.preference import Answer
from rlhp_ray.preferences.queue_database import open_queue_database

LEASE_SECONDS = 120.0  # a pair comes back when its person did not answer for so long
SETTLE_SECONDS = (
    20.0  # a person's last answer is learnt from when it is so old, any other at once: undo reaches one back
)

_OPEN = "withdrawn_unix_s IS NULL AND NOT EXISTS (SELECT 1 FROM standing WHERE standing.query_id = queries.query_id)"

# Times are compared by what other processes wrote: one in the future means that a clock was set back since. So the
# clock is read inside the transaction: read before, it would be earlier than leases given while this one waited.
_NOT_HELD = f"(leased_until_unix_s < ?1 OR leased_until_unix_s > ?1 + {LEASE_SECONDS})"

_GIVEN = "answer_id, query_id, left_id, right_id, env_steps, answer, labeller, answered_unix_s"


@dataclass(frozen=True)
class Query:
    """A pair that is shown to somebody; `env_steps` is the age of the run when it was offered."""

    query_id: int
    left_id: str
    right_id: str
    env_steps: int


@dataclass(frozen=True)
class GivenAnswer:
    """A settled answer. `labeller` gave it at `answered_unix_s`, seconds since 1970."""

    answer_id: int
    query: Query
    answer: Answer
    labeller: str
    answered_unix_s: float


@dataclass(frozen=True)
class QueueCounts:
    """`waiting` queries have no answer, `answered` have one that stands (skips included)."""

    waiting: int
    answered: int


@dataclass(frozen=True)
class ShownEpisode:
    """An episode that people can watch: of the run at `run_env_steps`, `env_steps` long."""

    episode_id: int
    run_env_steps: int
    env_steps: int
    true_return: float


class QueryQueue:
    """One queue file. Every write is one transaction that is synced to disk before the call returns.

    Args:
        path: of the file; made where there is none.

    Raises:
        LabellingError: the file is damaged, foreign, or of a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = open_queue_database(path)

    def offer(self, pairs: Sequence[tuple[str, str]], clips: Iterable[Clip], env_steps: int) -> None:
        """Add pairs `(left id, right id)` to be asked about, with their clips; a pair offered before is not added."""
        now = time.time()
        with self._transaction() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO clips VALUES (?, ?)", [(clip.clip_id, clip.to_bytes()) for clip in clips]
            )
            connection.executemany(
                "INSERT OR IGNORE INTO queries (left_id, right_id, env_steps, offered_unix_s) VALUES (?, ?, ?, ?)",
                [(left, right, env_steps, now) for left, right in pairs],
            )

    def offer_gold(self, pairs: Iterable[GoldPair], clips: Iterable[Clip]) -> None:
        """Add pairs whose answer is known, with their clips, to check people by."""
        with self._transaction() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO clips VALUES (?, ?)", [(clip.clip_id, clip.to_bytes()) for clip in clips]
            )
            store_gold(connection, pairs)

    def withdraw_older(self, than_env_steps: int) -> None:
        """Take back queries offered before this age of the run that nobody answered and nobody is looking at."""
        with self._transaction() as connection:
            now = time.time()
            connection.execute(
                f"UPDATE queries SET withdrawn_unix_s = ?1 WHERE env_steps < ?2 AND {_NOT_HELD} AND {_OPEN}",
                (now, than_env_steps),
            )

    def lease(self, labeller: str, count: int) -> list[Query]:
        """At most `count` queries for one person, nobody else's: those they hold already, then the newest.

        A lease lasts LEASE_SECONDS from this call. Where a check of this person is due, it stands first.
        """
        rates = self._check_rates()
        with self._transaction() as connection:
            now = time.time()
            rows = connection.execute(
                f"SELECT query_id, left_id, right_id, env_steps FROM queries WHERE {_OPEN} "
                f"AND ({_NOT_HELD} OR leased_to = ?2) "
                f"ORDER BY (leased_to = ?2 AND NOT {_NOT_HELD}) DESC, env_steps DESC, query_id LIMIT ?3",
                (now, labeller, count),
            ).fetchall()
            check = due_check(connection, labeller, rates) if rows else None
            if check is not None:
                del rows[count - 1 :]
            connection.executemany(
                "UPDATE queries SET leased_to = ?, leased_until_unix_s = ? WHERE query_id = ?",
                [(labeller, now + LEASE_SECONDS, row[0]) for row in rows],
            )
        return [Query(*row) for row in ([] if check is None else [check]) + rows]

    def _check_rates(self) -> dict[CheckKind, float]:
        facts = self.facts()
        return {kind: facts.get(kind.rate_fact, 0.0) for kind in CheckKind}

    def answer(self, submission: str, query_id: int, labeller: str, answer: Answer, response_seconds: float) -> bool:
        """Store an answer; on disk when this returns.

        Args:
            submission: the page's own name of it: the same one sent twice counts once.
            query_id: of the query.
            labeller: who answers.
            answer: what was said.
            response_seconds: from showing to answering.

        Returns:
            Whether it is new; False where the submission was stored before.

        Raises:
            LabellingError: there is no such query, or this person has answered it already.
            LabellingStorageError: the file cannot be written; sending the answer again may succeed.
        """
        with self._transaction() as connection:
            if connection.execute("SELECT 1 FROM answers WHERE submission = ?", (submission,)).fetchone():
                return False
            now = time.time()
            check = answer_check(connection, submission, query_id, labeller, answer, response_seconds, now)
            if check is not None:
                return check
            if not connection.execute("SELECT 1 FROM queries WHERE query_id = ?", (query_id,)).fetchone():
                raise LabellingError(f"there is no query {query_id}; expected one that was handed out")
            said = "SELECT 1 FROM standing WHERE query_id = ? AND labeller = ?"
            if connection.execute(said, (query_id, labeller)).fetchone():
                raise LabellingError(f"{labeller} has answered query {query_id} already; undo that answer first")
            connection.execute(
                "INSERT INTO answers (submission, query_id, labeller, answer, response_seconds, answered_unix_s) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (submission, query_id, labeller, answer.value, response_seconds, now),
            )
        return True

    def undo(self, submission: str, labeller: str) -> Query | None:
        """Take back a person's last standing answer and lease its query to them again.

        Args:
            submission: the page's own name of the undoing: the same one sent twice counts once.
            labeller: whose.

        Returns:
            The query; None where they have no answer, or the run has learnt from it already.
        """
        columns = "queries.query_id, left_id, right_id, env_steps"
        with self._transaction() as connection:
            row = connection.execute(
                f"SELECT {columns} FROM undos JOIN answers USING (answer_id) JOIN queries USING (query_id) "
                "WHERE undos.submission = ?",
                (submission,),
            ).fetchone()
            if row is not None:
                return Query(*row)
            row = connection.execute(
                f"SELECT standing.answer_id, {columns}, answered_unix_s FROM standing JOIN queries USING (query_id) "
                "WHERE labeller = ? ORDER BY standing.answer_id DESC LIMIT 1",
                (labeller,),
            ).fetchone()
            now = time.time()
            check = undo_check(connection, submission, labeller, 0.0 if row is None else row[-1], now)
            if check is not None:
                return Query(*check)
            if row is None or connection.execute("SELECT 1 FROM taken WHERE answer_id = ?", row[:1]).fetchone():
                return None
            connection.execute("INSERT INTO undos VALUES (?, ?, ?)", (submission, row[0], now))
            connection.execute(
                "UPDATE queries SET leased_to = ?, leased_until_unix_s = ? WHERE query_id = ?",
                (labeller, now + LEASE_SECONDS, row[1]),
            )
        return Query(*row[1:-1])

    def take_settled(self, *, all_of_them: bool = False) -> list[GivenAnswer]:
        """Answers to learn from that were not taken up before, in the order in which they were given; now they are.

        The first standing one of each query, and none that its person may still undo unless `all_of_them` are wanted.
        Whoever takes them stores them elsewhere; one who was killed before that finds them in `taken`.
        """
        with self._transaction() as connection:
            rows = connection.execute(
                f"SELECT {_GIVEN} FROM standing JOIN queries USING (query_id) WHERE answer_id IN "
                "(SELECT min(answer_id) FROM standing GROUP BY query_id) AND query_id NOT IN "
                "(SELECT query_id FROM taken JOIN answers USING (answer_id)) AND (?1 OR answered_unix_s < ?2 - ?3 "
                "OR answered_unix_s > ?2 + ?3 OR answer_id < "
                "(SELECT max(later.answer_id) FROM standing AS later WHERE later.labeller = standing.labeller)) "
                "ORDER BY answer_id",
                (all_of_them, time.time(), SETTLE_SECONDS),
            ).fetchall()
            connection.executemany("INSERT INTO taken VALUES (?)", [row[:1] for row in rows])
        return [_given(row) for row in rows]

    def taken(self) -> list[GivenAnswer]:
        """All answers that were taken up so far, in the order in which they were given."""
        rows = self._rows(
            f"SELECT {_GIVEN} FROM taken JOIN answers USING (answer_id) JOIN queries USING (query_id) "
            "ORDER BY answer_id"
        )
        return [_given(row) for row in rows]

    def counts(self) -> QueueCounts:
        """How many queries wait and how many are answered."""
        waiting = self._rows(f"SELECT count(*) FROM queries WHERE {_OPEN}")[0][0]
        answered = self._rows("SELECT count(DISTINCT query_id) FROM standing")[0][0]
        return QueueCounts(waiting, answered)

    def answers_of(self, labeller: str) -> list[float]:
        """When a person's standing answers were given, those to checks too, seconds since 1970, oldest first."""
        rows = self._rows(
            "SELECT answered_unix_s FROM standing WHERE labeller = ?1 UNION ALL "
            "SELECT answered_unix_s FROM standing_checks WHERE labeller = ?1 ORDER BY 1",
            (labeller,),
        )
        return [row[0] for row in rows]

    def clip(self, clip_id: str) -> Clip:
        """A clip that was offered. Raises LabellingError where there is none of this id."""
        rows = self._rows("SELECT packed FROM clips WHERE clip_id = ?", (clip_id,))
        if not rows:
            raise LabellingError(f"{self.path} holds no clip {clip_id}; expected one of a query that was handed out")
        return Clip.from_bytes(rows[0][0])

    def show_episode(self, episode: RecordedEpisode, run_env_steps: int) -> None:
        """Keep an episode for people to watch, instead of the one before."""
        row = (run_env_steps, episode.env_steps, episode.true_return, episode.clip.to_bytes())
        with self._transaction() as connection:
            connection.execute("DELETE FROM episodes")
            connection.execute(
                "INSERT INTO episodes (run_env_steps, env_steps, true_return, packed) VALUES (?, ?, ?, ?)", row
            )

    def newest_episode(self) -> ShownEpisode | None:
        """What is known of the episode that people can watch; None where there is none yet."""
        rows = self._rows(
            "SELECT episode_id, run_env_steps, env_steps, true_return FROM episodes ORDER BY episode_id DESC LIMIT 1"
        )
        return ShownEpisode(*rows[0]) if rows else None

    def episode_clip(self, episode_id: int) -> Clip:
        """What an episode showed. Raises LabellingError where it is no longer the newest."""
        rows = self._rows("SELECT packed FROM episodes WHERE episode_id = ?", (episode_id,))
        if not rows:
            raise LabellingError(f"there is no episode {episode_id}; expected the newest one")
        return Clip.from_bytes(rows[0][0])

    def pairs(self) -> list[tuple[str, str]]:
        """Left and right clip ids of all pairs that were ever offered."""
        return [(row[0], row[1]) for row in self._rows("SELECT left_id, right_id FROM queries ORDER BY query_id")]

    def state_facts(self, facts: dict[str, Any]) -> None:
        """Write what the page says about the run; values are JSON, each replaces that of the same name."""
        with self._transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO facts VALUES (?, ?)", [(name, json.dumps(fact)) for name, fact in facts.items()]
            )

    def facts(self) -> dict[str, Any]:
        """What was stated last of each name."""
        return {name: json.loads(value) for name, value in self._rows("SELECT name, value FROM facts")}

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise LabellingStorageError(
                f"{self.path} cannot be written ({error}); nothing of this was stored or acknowledged. Free disk space "
                "or restore the disk, then try again."
            ) from error

    def _rows(self, query: str, parameters: Sequence[str | int | float] = ()) -> list[tuple]:
        try:
            return self._connection.execute(query, parameters).fetchall()
        except sqlite3.Error as error:
            raise LabellingStorageError(
                f"{self.path} cannot be read ({error}); expected a queue that rlhp wrote. Restore a copy of it."
            ) from error


def _given(row: tuple) -> GivenAnswer:
    return GivenAnswer(row[0], Query(*row[1:5]), Answer(row[5]), row[6], row[7])
