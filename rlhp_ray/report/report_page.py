"""The page as text: one file that opens from disk and asks nobody for anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rlhp_ray.report.answer_table import answer_table
from rlhp_ray.report.env_section import Picture, env_section
from rlhp_ray.report.html_elements import element, items, text
from rlhp_ray.report.page_style import STYLE
from rlhp_ray.report.run_groups import EnvGroup
from rlhp_ray.report.videos import Video

MARK = "rlhp report"
"""By which a page that may be replaced is known."""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"


@dataclass(frozen=True)
class PageContent:
    """What a page is made of.

    Args:
        title: of the report.
        tally: how many runs of which status.
        groups: of the runs that are whole.
        pictures: by environment.
        videos: by name of their run.
        damaged: name of a run, and what is wrong with it.
        threshold: true return that counts as success; None where none is known.
    """

    title: str
    tally: str
    groups: Sequence[EnvGroup]
    pictures: Mapping[str, Sequence[Picture]]
    videos: Mapping[str, Sequence[Video]]
    damaged: Sequence[tuple[str, str]]
    threshold: float | None = None


def page(content: PageContent, made: datetime, refresh_seconds: int | None = None) -> str:
    """The whole page; with `refresh_seconds` it loads itself again as long as runs go on."""
    refresh = "" if refresh_seconds is None else f'<meta http-equiv="refresh" content="{refresh_seconds}">\n'
    sections = "\n".join(
        env_section(group, content.pictures[group.env], content.videos, content.threshold) for group in content.groups
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="{MARK}">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
{refresh}<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Report: {text(content.title)}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>Did it learn, on how many seeds, at what price?</h1>
{_made_line(content, made, refresh_seconds)}
{answer_table(content.groups, content.threshold) if content.groups else ""}
{_explanation(content)}
{_damaged(content.damaged)}
{sections}
</body>
</html>
"""


def _made_line(content: PageContent, made: datetime, refresh_seconds: int | None) -> str:
    when = f"made {made.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    live = "" if refresh_seconds is None else "; runs go on, and this page follows them"
    return element("p", text(f"{content.title}: {content.tally}; {when}{live}."), class_="made")


def _explanation(content: PageContent) -> str:
    if not content.groups:
        return element("p", "No run could be read.")
    told = (
        "True return: final evaluation, mean over seeds, with the 95 % t interval of that mean. "
        '"yes": the interval of the gain over the first training episodes lies above zero. '
        "Environments and settings are never averaged together. Price: of all runs of a setting."
    )
    return element("p", text(told), class_="made")


def _damaged(damaged: Sequence[tuple[str, str]]) -> str:
    if not damaged:
        return ""
    lines = [f"{name}: {problem}" for name, problem in damaged]
    return element("div", element("strong", "Damaged runs, not counted above") + items(lines), class_="warning")
