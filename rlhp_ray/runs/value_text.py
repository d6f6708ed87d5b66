"""Figures of runs as short text: one way for the table, the page and the details."""

from datetime import UTC, datetime
from typing import Any

NOTHING = "-"
_AGES = ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h"), (float("inf"), 86_400, "d"))
_BYTES = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def age_seconds(started: datetime | None, now: datetime) -> float | None:
    """Since a run was started; None where that is not known."""
    return None if started is None else max(0.0, (now - started).total_seconds())


def age_text(seconds: Any) -> str:
    """`45 s`, `12 min`, `30 h`, `9 d`."""
    if not _is_number(seconds):
        return _other(seconds)
    unit_seconds, unit = next((size, unit) for limit, size, unit in _AGES if seconds < limit)
    return f"{seconds / unit_seconds:.0f} {unit}"


def bytes_text(count: int) -> str:
    """`1.2 GB`, `35 kB`, `7 bytes`."""
    for size, unit in _BYTES:
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count} bytes"


def count_text(value: Any) -> str:
    """`1,200`."""
    return f"{value:,}" if _is_number(value) else _other(value)


def return_text(value: Any) -> str:
    """`88.9`, `1,276`, `-0.31`: three digits or more."""
    if not _is_number(value):
        return _other(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def share_text(value: Any) -> str:
    """`0.84`."""
    return f"{value:.2f}" if _is_number(value) else _other(value)


def money_text(value: Any) -> str:
    """`1.20`, `0.0031`; nothing where no price was set."""
    if not _is_number(value):
        return _other(value)
    return f"{value:,.2f}" if value >= 1 else f"{value:.2g}" if value else NOTHING


def plain_text(value: Any) -> str:
    """One line."""
    return _other(value)


def time_text(moment: datetime | None) -> str:
    """`2026-11-24 03:44 UTC`."""
    return NOTHING if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _other(value: Any) -> str:
    text = NOTHING if value is None else " ".join(str(value).split())
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
