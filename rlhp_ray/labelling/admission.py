"""Who may label: anybody at this machine on loopback, only invited people beyond it."""

import contextlib
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from rlhp_ray.errors import LabellingError

INVITATIONS_FILE = "invitations.sqlite"  # readable by its owner alone; it holds hashes, no token and no session
SESSION_BYTES, TOKEN_BYTES = 16, 32
MAX_SESSIONS_OF_ONE = 10  # browsers of one person; the oldest is forgotten
MAX_INVITED = 1000
BUSY_TIMEOUT_S = 10

_SCHEMA = """
CREATE TABLE IF NOT EXISTS realm (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS invited (
    labeller TEXT PRIMARY KEY, token_hash TEXT NOT NULL UNIQUE, invited_unix_s REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (
    session_id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_hash TEXT NOT NULL UNIQUE,
    labeller TEXT NOT NULL REFERENCES invited (labeller),
    opened_unix_s REAL NOT NULL
);
"""


def new_session() -> str:
    """A session that nobody can guess."""
    return secrets.token_hex(SESSION_BYTES)


class Admission(Protocol):
    """Tells people apart by the session in their browser's cookie `cookie`."""

    cookie: str
    needs_invitation: bool

    def labeller_of(self, session: str) -> str | None:
        """Under which name this session's answers are filed; None where it may not answer."""

    def join(self, token: str) -> tuple[str, str] | None:
        """A new session and its labeller for an invitation's token; None where nobody was invited with it."""


class AnybodyHere:
    """On loopback: whoever loads the page gets a session, and any session is a person.

    Args:
        prefix: what answers are filed under, followed by a digest of the session.
    """

    cookie = "rlhp_session"
    needs_invitation = False

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def labeller_of(self, session: str) -> str | None:
        return f"{self._prefix}-{_hash(session)[:6]}"

    def join(self, token: str) -> tuple[str, str] | None:
        del token  # no invitation is needed, and none is taken
        return None


class Invited:
    """Beyond loopback: people who were invited by name, each with a token. Threads and processes may share the file.

    Args:
        directory: where the file lies; made when missing, readable by its owner alone.

    Raises:
        LabellingError: the file cannot be used.
    """

    needs_invitation = True

    def __init__(self, directory: Path) -> None:
        self._lock = threading.Lock()
        path = directory / INVITATIONS_FILE
        try:
            with contextlib.suppress(FileExistsError):  # SQLite gives the files that it puts beside the same mode
                os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
            self._connection = sqlite3.connect(
                path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.executescript(_SCHEMA)
            self._connection.execute(
                "INSERT INTO realm SELECT ? WHERE NOT EXISTS (SELECT 1 FROM realm)", (secrets.token_hex(4),)
            )
            realm = self._connection.execute("SELECT name FROM realm").fetchone()[0]
        except (OSError, sqlite3.Error) as error:
            raise LabellingError(
                f"{path} cannot be used ({error}); expected the invitations that rlhp wrote. Remove it, and invite "
                "everybody again."
            ) from error
        # Cookies do not tell ports apart: with one name for all, a second run on this machine would end the sessions.
        self.cookie = f"rlhp_session_{realm}"

    def invite(self, labeller: str) -> str:
        """A token for this person, which is kept nowhere. An earlier one of theirs, and its sessions, end.

        Raises:
            LabellingError: more than MAX_INVITED people are invited, or the file cannot be written.
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)
        with self._transaction() as connection:
            others = connection.execute("SELECT count(*) FROM invited WHERE labeller != ?", (labeller,)).fetchone()[0]
            if others >= MAX_INVITED:
                raise LabellingError(f"{others} people are invited; expected {MAX_INVITED} at most. Use a name again.")
            connection.execute("DELETE FROM sessions WHERE labeller = ?", (labeller,))
            connection.execute("INSERT OR REPLACE INTO invited VALUES (?, ?, ?)", (labeller, _hash(token), time.time()))
        return token

    def join(self, token: str) -> tuple[str, str] | None:
        with self._transaction() as connection:
            row = connection.execute("SELECT labeller FROM invited WHERE token_hash = ?", (_hash(token),)).fetchone()
            if row is None:
                return None
            session = new_session()
            connection.execute(
                "INSERT INTO sessions (session_hash, labeller, opened_unix_s) VALUES (?, ?, ?)",
                (_hash(session), row[0], time.time()),
            )
            connection.execute(
                "DELETE FROM sessions WHERE labeller = ?1 AND session_id NOT IN "
                "(SELECT session_id FROM sessions WHERE labeller = ?1 ORDER BY session_id DESC LIMIT ?2)",
                (row[0], MAX_SESSIONS_OF_ONE),
            )
        return session, row[0]

    def labeller_of(self, session: str) -> str | None:
        with self._lock:
            row = self._connection.execute(
                "SELECT labeller FROM sessions WHERE session_hash = ?", (_hash(session),)
            ).fetchone()
        return None if row is None else row[0]

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise LabellingError(
                    f"{INVITATIONS_FILE} cannot be written ({error}). Free disk space or restore the disk, then try "
                    "again."
                ) from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _hash(secret: str) -> str:
    """Secrets here are long and random, so that one round of SHA-256 keeps them."""
    return sha256(secret.encode()).hexdigest()
