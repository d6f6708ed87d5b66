"""Who answered what when, who was invited, who came, and who was refused: one JSON object a line, without secrets."""

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

AUDIT_FILE = "audit.jsonl"
MAX_BYTES = 5_000_000  # of one file; the one before it is kept, an older one goes
MAX_REFUSALS_A_MINUTE = 60  # that are written one by one: a flood of requests must not push out what people did


class AuditLog:
    """Appends to a file that its owner alone can read. Threads may share it; losing it (a full disk) stops nobody.

    Every answer is also in the queue's database, which is the record; this is for reading.

    Args:
        directory: where it lies.
        max_bytes: of one file.
        clock: seconds since 1970.
    """

    def __init__(self, directory: Path, max_bytes: int = MAX_BYTES, clock: Callable[[], float] = time.time) -> None:
        self.path = directory / AUDIT_FILE
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._minute, self._refusals = 0, 0

    def note(self, event: str, **facts: str | int | float | None) -> None:
        """Write one line: the time, what happened, and the facts."""
        with self._lock:
            self._write(event, facts)

    def note_refusal(self, status: int, reason: str, method: str, client: str, labeller: str | None) -> None:
        """Write that a request was refused; of a flood, how many more there were."""
        with self._lock:
            minute = int(self._clock() // 60)
            if minute != self._minute:
                if self._refusals > MAX_REFUSALS_A_MINUTE:
                    self._write("refused more", {"times": self._refusals - MAX_REFUSALS_A_MINUTE})
                self._minute, self._refusals = minute, 0
            self._refusals += 1
            if self._refusals <= MAX_REFUSALS_A_MINUTE:
                facts = {"status": status, "reason": reason, "method": method, "client": client, "labeller": labeller}
                self._write("refused", facts)

    def _write(self, event: str, facts: dict) -> None:
        when = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": when, "event": event, **facts}).encode() + b"\n"
        with contextlib.suppress(OSError):
            if self.path.exists() and self.path.stat().st_size + len(line) > self._max_bytes:
                self.path.replace(self.path.with_suffix(".1.jsonl"))
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, line)
            finally:
                os.close(descriptor)
