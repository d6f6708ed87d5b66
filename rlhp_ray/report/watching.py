"""Keeps a report up to date while its runs go on, at a small share of one core."""

import time
from collections.abc import Callable

from rlhp_ray.report.report_writing import ReportWriter

MIN_PAUSE_SECONDS = 5
REST = 10
"""Times as long as writing took that it rests: a tenth of a core at most, which the runs lack (ours)."""


def watch(writer: ReportWriter, say: Callable[[str], None], sleep: Callable[[float], None] = time.sleep) -> None:
    """Write again and again until no run goes on; then, or when interrupted, once more as a page that stands still."""
    pause = float(MIN_PAUSE_SECONDS)
    try:
        while True:
            started = time.monotonic()
            if not writer.write(refresh_seconds=round(pause)).is_running:
                say("no run goes on")
                return
            pause = max(MIN_PAUSE_SECONDS, REST * (time.monotonic() - started))
            sleep(pause)
    except KeyboardInterrupt:
        writer.write()
        raise
