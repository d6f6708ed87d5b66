"""The index as one page: opens from disk, asks no network, sorts and filters by a few lines of its own script."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from html import escape
from pathlib import Path
from urllib.parse import quote

from rlhp_ray.errors import ConfigError
from rlhp_ray.experiment.archive_files import archive_errors, write_durably
from rlhp_ray.runs.columns import COLUMNS, Column
from rlhp_ray.runs.notes import read_notes
from rlhp_ray.runs.page_parts import MARK, SCRIPT, STYLE
from rlhp_ray.runs.run_record import RunRecord
from rlhp_ray.runs.run_table import tally

DEFAULT_NAME = "runs.html"
_LINKS = (
    ("report", "report.html"),
    ("curve", "learning_curve.png"),
    ("diagnostics", "diagnostics.png"),
    ("video", "videos/trained-agent.mp4"),
    ("config", "config.yaml"),
)


def write_page(file: Path, records: Sequence[RunRecord], now: datetime, title: str) -> None:
    """Writes the page; an older one is replaced.

    Raises:
        ConfigError: something else stands there, or its directory does not exist.
        ArchiveError: it cannot be written.
    """
    if not file.parent.is_dir():
        raise ConfigError(f"--html: got {str(file)!r}, expected a file in a directory that exists; make {file.parent}")
    with archive_errors(file):
        if os.path.lexists(file) and (not file.is_file() or MARK.encode() not in file.read_bytes()[:1000]):
            raise ConfigError(f"--html: {file} exists and is no index of runs; it is left alone. Choose another name.")
        write_durably(file, page(records, now, title, file.parent.resolve()))


def page(records: Sequence[RunRecord], now: datetime, title: str, folder: Path) -> str:
    """The text of the page; its links are relative to `folder`, so that both can be moved together."""
    headings = "".join(
        f'<th scope="col"><button type="button">{escape(column.name.replace("_", " "))}</button></th>'
        for column in COLUMNS
    )
    rows = "\n".join(_row(record, now, folder) for record in records)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="{MARK}">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
script-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>Runs in {escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>Runs in {escape(title)}</h1>
<p>{escape(tally(records))}. As of {now.astimezone(UTC):%Y-%m-%d %H:%M} UTC.
<label class="screen">Filter <input id="filter" type="search" placeholder="all words must occur"></label>
<span id="shown" class="screen" role="status"></span></p>
<table>
<thead><tr>{headings}<th scope="col">files</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
<script>{SCRIPT}</script>
</body>
</html>
"""


def _row(record: RunRecord, now: datetime, folder: Path) -> str:
    cells = "".join(_cell(column, record, now) for column in COLUMNS)
    return f'<tr class="{escape(record.status)}">{cells}<td>{_links(record, folder)}</td></tr>'


def _cell(column: Column, record: RunRecord, now: datetime) -> str:
    value = column.value(record, now)
    text = escape(column.text(value))
    if column.name == "question":
        return f"<td>{_words(record)}</td>"
    if column.name == "run":
        return f'<th scope="row">{text}</th>'
    if not column.is_number:
        return f"<td>{text}</td>"
    sort_value = "" if value is None else escape(str(value))
    return f'<td class="number" data-value="{sort_value}">{text}</td>'


def _words(record: RunRecord) -> str:
    """What the run asks, what was expected, what somebody noted, and what is wrong with it."""
    parts = [("", record.question), ("expected: ", record.expect), ("damaged: ", record.problem)]
    lines = [f"<div>{escape(label + text)}</div>" for label, text in parts if text]
    notes = "\n".join(read_notes(record.archive))
    return "".join(lines) + (f'<div class="notes">{escape(notes)}</div>' if notes else "")


def _links(record: RunRecord, folder: Path) -> str:
    directory = os.path.join(_resolved(record.archive.directory.parent), record.archive.directory.name)
    found = [(name, file) for name, file in _LINKS if os.path.isfile(os.path.join(directory, file))]
    relative = os.path.relpath(directory, folder)
    return " ".join(f'<a href="{escape(quote(f"{relative}/{file}"))}">{escape(name)}</a>' for name, file in found)


@lru_cache
def _resolved(directory: Path) -> str:
    return os.path.realpath(directory)
