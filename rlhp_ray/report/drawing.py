"""What one part of the report consists of: a figure, words about it, and its numbers as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Table:
    """Texts in rows under headings; the first of a row names it."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Drawing:
    """One figure of an environment.

    Args:
        name: of its file, without the environment and `.png`.
        title: heading above it.
        caption: how to read it, and from where it is.
        alt: what it shows, for who cannot see it.
        figure: itself.
        table: its numbers.
        findings: what stands out in it, one sentence each.
    """

    name: str
    title: str
    caption: str
    alt: str
    figure: "Figure"
    table: Table
    findings: tuple[str, ...] = ()
