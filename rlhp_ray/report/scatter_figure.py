"""Predicted against true return of single clips, as the predictor was last watched."""

import math
from collections.abc import Sequence

import numpy as np

from rlhp_ray.report.diagnostics_reading import Diagnostics
from rlhp_ray.report.drawing import Drawing, Table
from rlhp_ray.report.figure_parts import LETTERS, drawn, finish_axes, new_figure
from rlhp_ray.report.run_groups import EnvGroup, Setting
from rlhp_ray.report.seed_curves import interval_text
from rlhp_ray.runs.value_text import share_text

_PANEL_INCHES = 2.7


def draw_scatter(group: EnvGroup) -> Drawing | None:
    """One panel a setting, the clips of all its seeds in it; None where no run has any."""
    shown = [(setting, look) for setting, look in drawn(group.settings) if _clips(setting)]
    if not shown:
        return None
    columns = min(2, len(shown))
    lines = math.ceil(len(shown) / columns)
    figure = new_figure(0, height=0.6 + _PANEL_INCHES * lines if lines > 1 or columns > 1 else 4.2)
    panels = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axes, (setting, look) in zip(panels, shown, strict=False):
        for watched in _clips(setting):
            axes.scatter(
                watched.true_return, watched.predicted_return, s=16, marker=look.marker, color=look.colour, alpha=0.4,
                edgecolors="none",
            )  # fmt: skip
        axes.set_title(setting.letter, loc="left", fontsize=LETTERS, fontweight="bold")
        finish_axes(axes, "true return of a clip", "predicted return")
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    rows = [_row(setting) for setting in group.settings if _clips(setting)]
    return Drawing(
        "clips",
        "Predicted against true return of clips",
        "Each point is a clip, of all seeds together; a rising cloud means that the predictor orders clips as the "
        "environment does. A column of points at one true return are clips that tie in it.",
        "Scatter of predicted over true return of clips, a panel a setting. Rank correlation: "
        + "; ".join(f"{row[0]}: {row[3]}" for row in rows)
        + ".",
        figure,
        Table(("setting", "seeds", "clips", "rank correlation (95 %)"), rows),
    )


def _clips(setting: Setting) -> Sequence[Diagnostics]:
    found = [run.diagnostics for run in setting.runs if run.diagnostics is not None]
    return [watched for watched in found if len(watched.true_return)]


def _row(setting: Setting) -> list[str]:
    watched = _clips(setting)
    correlations = [one.rank_correlation for one in watched if one.rank_correlation is not None]
    clips = int(np.sum([len(one.true_return) for one in watched]))
    return [setting.letter, str(len(watched)), f"{clips:,}", interval_text(correlations, share_text)]
