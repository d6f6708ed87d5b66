"""The index as a table in a terminal."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from rlhp_ray.runs.columns import COLUMNS
from rlhp_ray.runs.notes import read_notes
from rlhp_ray.runs.run_record import STATUSES, RunRecord

_GAP = "  "
_LEAST_QUESTION_CHARS = 20


def run_table(records: Sequence[RunRecord], now: datetime, *, width: int | None, with_notes: bool = False) -> str:
    """One line a run, below a heading.

    Args:
        records: in the order to show them in.
        now: against which ages are told.
        width: of the terminal, to which the last column, the question, is cut; None leaves it whole.
        with_notes: notes follow each run, indented.
    """
    rows = [[column.text(column.value(record, now)) for column in COLUMNS] for record in records]
    headings = [column.name for column in COLUMNS]
    widths = [max(len(row[i]) for row in [headings, *rows]) for i in range(len(COLUMNS) - 1)]
    taken = sum(widths) + len(_GAP) * len(widths)
    room = None if width is None else max(_LEAST_QUESTION_CHARS, width - taken)
    lines = [_line(headings, widths, room)]
    for record, row in zip(records, rows, strict=True):
        lines.append(_line(row, widths, room))
        if with_notes:
            lines += [f"{_GAP * 2}{line}" for line in read_notes(record.archive)]
    return "\n".join(lines)


def tally(records: Sequence[RunRecord]) -> str:
    """How many runs there are, by status."""
    counts = Counter(record.status for record in records)
    known = [status for status in (*STATUSES, *sorted(set(counts) - set(STATUSES))) if counts[status]]
    by_status = ", ".join(f"{counts[status]:,} {status}" for status in known)
    return f"{len(records):,} run{'' if len(records) == 1 else 's'}" + (f": {by_status}" if by_status else "")


def _line(cells: Sequence[str], widths: Sequence[int], room: int | None) -> str:
    padded = [
        cell.rjust(width) if column.is_number else cell.ljust(width)
        for column, cell, width in zip(COLUMNS, cells, widths, strict=False)
    ]
    question = cells[-1]
    if room is not None and len(question) > room:
        question = question[: room - 3] + "..."
    return _GAP.join([*padded, question]).rstrip()
