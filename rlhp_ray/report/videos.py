"""Videos of runs inside the page, as long as they are small; beyond that as links, and the page says so."""

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from rlhp_ray.report.report_run import ReportRun

MAX_INLINED_BYTES = 20 * 10**6
"""Of all videos of a page together (ours): a page must still open at once."""


@dataclass(frozen=True)
class Video:
    """One video of a run.

    Args:
        run: its name.
        file: of the video.
        source: a data URI, or a link relative to the page.
        is_inlined: which of the two.
    """

    run: str
    file: Path
    source: str
    is_inlined: bool


def place_videos(runs: Sequence[ReportRun], page_folder: Path) -> dict[str, list[Video]]:
    """The videos by name of their run: inlined in the order of the runs until the budget is spent."""
    left, placed = MAX_INLINED_BYTES, {}
    for run in runs:
        videos = []
        for file in run.videos:
            content = _read(file, left)
            if content is None:
                link = quote(os.path.relpath(file, page_folder))
                videos.append(Video(run.name, file, link, False))
                continue
            left -= len(content)
            source = f"data:video/mp4;base64,{base64.b64encode(content).decode()}"
            videos.append(Video(run.name, file, source, True))
        placed[run.name] = videos
    return placed


def _read(file: Path, limit: int) -> bytes | None:
    """The content, if it is within the limit and can be read."""
    try:
        return file.read_bytes() if file.stat().st_size <= limit else None
    except OSError:
        return None
