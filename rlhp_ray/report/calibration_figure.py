"""Whether the predictor's probabilities can be believed: reliability on held-out labels."""

import numpy as np

from rlhp_ray.experiment.picture_file import GREY
from rlhp_ray.report.drawing import Drawing, Table
from rlhp_ray.report.figure_parts import add_legend, drawn, finish_axes, new_figure
from rlhp_ray.report.run_groups import EnvGroup, Setting
from rlhp_ray.report.seed_curves import interval_text
from rlhp_ray.runs.value_text import share_text

BINS = 10
_LARGEST_DOT = 160.0  # points squared; the area of a dot is its bin's share of the answers


def draw_calibration(group: EnvGroup) -> Drawing | None:
    """Share of answers over predicted probability, pooled over the seeds of a setting; None without held-out labels."""
    figure = new_figure(len(group.settings), height=5.2)
    axes = figure.subplots()
    shown = [(setting, look, bins) for setting, look in drawn(group.settings) if len((bins := _pooled(setting))[0])]
    if not shown:
        return None
    axes.plot([0, 1], [0, 1], color=GREY, ls=(0, (1, 1.5)), lw=1.3)
    axes.text(0.06, 0.09, "perfect", color=GREY, rotation=38, fontsize=9.5)
    for setting, look, (probability, share, count) in shown:
        axes.plot(probability, share, color=look.colour, ls=look.style, lw=1.8, label=setting.title)
        sizes = 18 + _LARGEST_DOT * count / count.max()
        axes.scatter(probability, share, s=sizes, marker=look.marker, color=look.colour, edgecolors="white", zorder=3)
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.05, 1.05)
    finish_axes(axes, "predicted probability that left is better", "share of answers\nthat said left")
    add_legend(figure, axes)
    rows = [_row(setting) for setting in group.settings if len(_pooled(setting)[0])]
    return Drawing(
        "calibration",
        "Calibration of the reward",
        "Held-out labels among the newest 64, in ten bins, all seeds together; larger markers stand for more answers. "
        "Below the dotted line on the right and above it on the left, the predictor is too sure.",
        "Share of answers for left over the predicted probability of it. Expected calibration error: "
        + "; ".join(f"{row[0]}: {row[3]}" for row in rows)
        + ".",
        figure,
        Table(("setting", "seeds", "answers", "calibration error (95 %)"), rows),
    )


def _pooled(setting: Setting) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean probability, share and count of each bin that holds answers, over all seeds: three times [num_bins]."""
    found = [run.diagnostics for run in setting.runs if run.diagnostics is not None]
    if not found:
        return np.empty(0), np.empty(0), np.empty(0)
    probability, share, count = (
        np.concatenate([getattr(one, name) for one in found]) for name in ("probability", "share_left", "count")
    )
    place = np.minimum((probability * BINS).astype(int), BINS - 1)
    totals = np.bincount(place, weights=count, minlength=BINS)
    filled = totals > 0
    means = (np.bincount(place, weights=count * values, minlength=BINS) for values in (probability, share))
    first, second = (sums[filled] / totals[filled] for sums in means)
    return first, second, totals[filled]


def _row(setting: Setting) -> list[str]:
    found = [run.diagnostics for run in setting.runs if run.diagnostics is not None]
    errors = [one.calibration_error for one in found if one.calibration_error is not None]
    return [setting.letter, str(len(errors)), f"{_pooled(setting)[2].sum():,.0f}", interval_text(errors, share_text)]
