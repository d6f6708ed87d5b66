"""The console of a run, filed: what a person saw on standard error, line by line and bounded."""

import contextlib
import re
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TextIO

from rlhp_ray.experiment.archive_files import archive_errors

MAX_CONSOLE_BYTES = 10 * 10**6
"""Size at which `console.log` is closed, in bytes, over all commands of the run."""
MAX_CONSOLE_LINE_CHARS = 20_000
"""What is kept of one line of the console."""

_TERMINAL_CODES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


class ConsoleLog:
    """While the context lasts, what Python writes to standard error also goes to `file`, line by line.

    A line that a progress display rewrote with carriage returns appears once, in its last state, without colours. The
    file ends with a note at `max_bytes`. Losing the log (a full disk) never stops the run. An exception that leaves the
    context is written to the file. Not seen: output that bypasses `sys.stderr` (C libraries, other processes).
    """

    NOTE = "[console.log ends here: its limit of {:,} bytes is reached; the run goes on]\n"

    def __init__(self, file: Path, max_bytes: int = MAX_CONSOLE_BYTES) -> None:
        self._path = file
        self._note = self.NOTE.format(max_bytes).encode()
        self._room_bytes = max_bytes - len(self._note)
        self._lock = threading.RLock()
        self._line = ""
        self._rewriting = False
        self._file: BinaryIO | None = None
        self._terminal: TextIO = sys.stderr

    def __enter__(self) -> Self:
        self._terminal = sys.stderr
        with archive_errors(self._path):
            self._file = self._path.open("ab")
            size = self._file.tell()
            with self._path.open("rb") as written:
                written.seek(max(0, size - len(self._note)))
                if written.read(len(self._note) + 1) == self._note:  # an earlier command of this run filled it
                    self._stop()
        self._room_bytes -= size
        sys.stderr = self  # a duck-typed stream: everything else goes to the terminal
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if sys.stderr is self:
            sys.stderr = self._terminal
        with self._lock:
            self._end_line()
            if error is not None:
                self._log("".join(traceback.format_exception(error)))
                self._end_line()
            self._stop()

    def write(self, text: str) -> int:
        """Writes to the terminal first, then to the log."""
        written = self._terminal.write(text)
        with self._lock:
            self._log(text)
        return written

    def writelines(self, lines: Iterator[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self._terminal.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._terminal, name)

    def _log(self, text: str) -> None:
        if self._file is None:
            return
        for part in re.split(r"([\r\n])", text):
            if part == "\n":
                self._end_line(always=True)
            elif part == "\r":
                self._rewriting = True
            elif part:
                kept = "" if self._rewriting else self._line
                self._line = (kept + part)[:MAX_CONSOLE_LINE_CHARS]
                self._rewriting = False

    def _end_line(self, always: bool = False) -> None:
        line, self._line, self._rewriting = _TERMINAL_CODES.sub("", self._line), "", False
        if self._file is None or not (line or always):
            return
        data = (line.rstrip() + "\n").encode(errors="backslashreplace")
        full = len(data) > self._room_bytes
        try:
            self._file.write(self._note if full else data)
            self._file.flush()
        except OSError as error:
            self._stop()
            self._terminal.write(f"{self._path} is no longer written: {error.strerror or error}\n")
            return
        self._room_bytes -= len(data)
        if full:
            self._stop()

    def _stop(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()
