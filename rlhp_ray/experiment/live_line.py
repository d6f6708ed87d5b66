"""One line on standard error that says how far things are."""

import math
import sys
import time

PLAIN_INTERVAL_S = 5.0  # between lines where standard error is not a terminal
CLEAR_LINE = "\r\x1b[2K"


class LiveLine:
    """Rewrites its line on a terminal; elsewhere prints a line every few seconds."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._printed = -math.inf

    def show(self, text: str, *, last: bool = False) -> None:
        """Show the text, unless another was printed only just now; the last one always."""
        now = time.monotonic()
        if not (self._live or last or now - self._printed >= PLAIN_INTERVAL_S):
            return
        self._printed = now
        if self._live:
            print(f"{CLEAR_LINE}{text}", end="\n" if last else "", file=sys.stderr, flush=True)
        else:
            print(text, file=sys.stderr, flush=True)

    def notice(self, text: str) -> None:
        """Above the line, for good."""
        print(f"{CLEAR_LINE if self._live else ''}{text}", file=sys.stderr, flush=True)
