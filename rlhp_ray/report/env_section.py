"""Everything about one environment: figures with their tables, settings, runs, videos."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rlhp_ray.report.drawing import Drawing, Table
from rlhp_ray.report.figure_parts import MAX_DRAWN
from rlhp_ray.report.health_table import health_table, is_recorded
from rlhp_ray.report.html_elements import element, image, items, table, text
from rlhp_ray.report.people_table import agreement_lines, couple_table, people_table
from rlhp_ray.report.report_run import ReportRun
from rlhp_ray.report.run_groups import EnvGroup
from rlhp_ray.report.seed_tables import seed_section
from rlhp_ray.report.videos import Video
from rlhp_ray.runs.notes import read_notes
from rlhp_ray.runs.value_text import NOTHING, age_text, count_text, plain_text, return_text, share_text

Picture = tuple[Drawing, bytes]
"""A figure and its PNG."""


def env_section(
    group: EnvGroup, pictures: Sequence[Picture], videos: Mapping[str, Sequence[Video]], threshold: float | None = None
) -> str:
    """The section of one environment; with how many seeds reach the threshold, if one is known."""
    parts = [element("h2", text(group.env)), _findings(pictures), _settings(group), seed_section(group, threshold)]
    if len(group.settings) > MAX_DRAWN:
        shown = f"the first {MAX_DRAWN} of {len(group.settings)} settings"
        left = f"Figures and pairs show {shown}; the other tables hold all of them."
        parts.append(element("p", text(left)))
    parts.append(element("div", "".join(_figure(*picture) for picture in pictures), class_="figures"))
    parts += [_health(group), _people(group), element("h3", "Runs"), _runs(group), _videos(group, videos)]
    return element("section", "\n".join(parts))


def _findings(pictures: Sequence[Picture]) -> str:
    found = [finding for drawing, _ in pictures for finding in drawing.findings]
    return element("div", element("strong", "What stands out") + items(found), class_="warning") if found else ""


def _figure(drawing: Drawing, png: bytes) -> str:
    caption = element("figcaption", text(drawing.caption))
    return element(
        "figure", element("h3", text(drawing.title)) + image(png, drawing.alt) + caption + table(drawing.table)
    )


def _settings(group: EnvGroup) -> str:
    if not any(setting.differences for setting in group.settings):
        return ""
    keys = list(dict.fromkeys(key for setting in group.settings for key in setting.differences))
    rows = [
        [setting.letter, *(plain_text(setting.runs[0].config.get(key)) for key in keys)] for setting in group.settings
    ]
    return element("h3", "Settings: what differs") + element(
        "div", table(Table(("setting", *keys), rows)), class_="settings"
    )


def _health(group: EnvGroup) -> str:
    found = health_table(group)
    if found is None:
        return ""
    silent = sum(not is_recorded(run) for run in group.runs)
    told = "Conditions that held while a run went on, and when." if found.rows else "No condition held in any run."
    told += f" {silent} of {len(group.runs)} runs recorded none, being older." if silent else ""
    shown = element("div", table(found), class_="runs") if found.rows else ""
    return element("h3", "Health") + element("p", text(told)) + shown


def _people(group: EnvGroup) -> str:
    found, couples = people_table(group), couple_table(group)
    if found is None:
        return ""
    told = (
        "Shares with Wilson's 95 % interval: which side was chosen, pairs of their own shown again with the sides "
        "swapped, and gold pairs, whose answer is known (docs/labelling_quality.md)."
    )
    shown = element("div", table(found), class_="runs") + items(agreement_lines(group))
    shown += "" if couples is None else element("div", table(couples), class_="runs")
    return element("h3", "People") + element("p", text(told)) + shown


def _runs(group: EnvGroup) -> str:
    head = (
        "run", "setting", "seed", "status", "true return", "over episodes", "labels", "accuracy", "correlation",
        "CPU-hours", "wall time", "notes",
    )  # fmt: skip
    rows = [_run_row(run, setting.letter) for setting in group.settings for run in setting.runs]
    return element("div", table(Table(head, rows)), class_="runs")


def _run_row(run: ReportRun, letter: str) -> list[str]:
    spread, mean = run.fact("true_return_std"), run.fact("true_return_mean")
    figure = return_text(mean) + (f" +- {return_text(spread)}" if spread is not None else "")
    return [
        run.name,
        letter,
        str(run.seed),
        run.record.status,
        figure,
        count_text(run.record.facts.get("eval_episodes")),
        count_text(run.record.facts.get("labels")),
        share_text(run.fact("reward_validation_accuracy")),
        share_text(run.fact("reward_true_correlation")),
        share_text(run.fact("cpu_hours")),
        age_text(run.fact("wall_seconds")),
        "; ".join([*run.flaws, *read_notes(run.record.archive)]) or NOTHING,
    ]


def _videos(group: EnvGroup, videos: Mapping[str, Sequence[Video]]) -> str:
    shown = [video for run in group.runs for video in videos.get(run.name, ())]
    if not shown:
        return element("h3", "Videos") + element("p", "No run of this environment has one.")
    linked = sum(not video.is_inlined for video in shown)
    told = (
        f"Episodes of the last policy, as it was evaluated, its predicted and true reward below. {_linked_text(linked)}"
    )
    places = "".join(_video(video) for video in shown)
    return element("h3", "Videos") + element("p", text(told)) + element("div", places, class_="videos")


def _linked_text(count: int) -> str:
    if not count:
        return "They are part of this page."
    return f"{count} of them {'is' if count == 1 else 'are'} too large for this page, and only linked."


def _video(video: Video) -> str:
    name = f"{video.run}: {Path(video.file).name}"
    if not video.is_inlined:
        return element("div", element("a", text(name), href=video.source))
    player = f'<video controls muted preload="metadata" src="{video.source}" aria-label="{text(name)}"></video>'
    return element("div", player + element("small", text(name)))
