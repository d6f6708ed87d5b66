"""One picture of a run: true return, labels and predictor accuracy over environment steps.

The lines differ in style and marker as well as in colour (Okabe and Ito's palette), so that the picture survives a
grey printer and colour-blind eyes. Matplotlib is used through its objects only: no global state, no display.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rlhp_ray.experiment.metrics_series import MetricRow, metric_series, read_metric_rows
from rlhp_ray.experiment.picture_file import BLUE, DPI, GREEN, GREY, VERMILION, save_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_MARKERS = 25


def draw_learning_curve(
    metrics_csv: Path, output_png: Path, *, title: str, reference_return: float | None = None
) -> None:
    """Draws `metrics_csv` into `output_png`, which is replaced in one step.

    Args:
        metrics_csv: rows with `env_steps` and any of `true_return_mean` (training), `evaluation_true_return_mean`,
            `labels`, `reward_validation_accuracy` in [0, 1]; columns and cells may be missing. A run on the true
            reward has neither labels nor accuracy, and no panels of them.
        output_png: the picture, 1200 x 1125 pixels.
        title: one line above it.
        reference_return: a true return to compare with (for instance the best possible), drawn as a level line.

    Raises:
        ArchiveError: the metrics cannot be read or the picture cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    rows = read_metric_rows(metrics_csv)
    figure = Figure(figsize=(8.0, 7.5), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    below = [draw for key, draw in _BELOW.items() if len(metric_series(rows, key)[0])]
    panels = figure.subplots(1 + len(below), 1, sharex=True, squeeze=False, height_ratios=[3.2] + [1] * len(below))[
        :, 0
    ]
    _draw_returns(panels[0], rows, title, reference_return)
    for axes, draw in zip(panels[1:], below, strict=True):
        draw(axes, rows)
    for axes in panels:
        axes.grid(True, color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    if not panels[0].lines:
        panels[0].text(0.5, 0.5, "no values", transform=panels[0].transAxes, ha="center", va="center", color=GREY)
        panels[0].set_yticks([])
    last_step = max((step for step, _ in rows), default=0.0)
    panels[-1].set_xlim(0, last_step * 1.02 or 1.0)
    panels[-1].xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    panels[-1].xaxis.set_major_formatter(lambda step, _: f"{step:,.0f}")
    panels[-1].set_xlabel("environment steps (agent steps)")
    figure.align_ylabels()
    save_picture(figure, output_png, "learning curve")


def _draw_returns(axes: "Axes", rows: list[MetricRow], title: str, reference_return: float | None) -> None:
    steps, values = metric_series(rows, "true_return_mean")
    if len(steps):
        every = max(1, len(steps) // MAX_MARKERS)
        axes.plot(steps, values, color=BLUE, lw=1.6, marker=".", markevery=every, label="training (exploring), mean")
    steps, values = metric_series(rows, "evaluation_true_return_mean")
    if len(steps):
        axes.plot(steps, values, "D--", color=VERMILION, lw=1.2, ms=5, mfc="white", label="evaluation, mean")
        _name_last_value(axes, steps, values, "{:,.1f}", VERMILION)
    if axes.lines and reference_return is not None:
        axes.axhline(reference_return, color=GREY, ls=":", lw=1.4, label=f"reference {reference_return:,.1f}")
    if axes.lines:
        axes.margins(y=0.1)
        axes.legend(loc="best", frameon=True, framealpha=0.9, edgecolor="none", fontsize=9)
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", wrap=True)
    axes.set_ylabel("true return\n(reward per episode)")


def _draw_labels(axes: "Axes", rows: list[MetricRow]) -> None:
    steps, values = metric_series(rows, "labels")
    axes.plot(steps, values, color=GREEN, lw=1.6, drawstyle="steps-post")
    axes.set_ylim(0, max(1.0, values.max()) * 1.25)
    _name_last_value(axes, steps, values, "{:,.0f}", GREEN)
    axes.set_ylabel("labels\n(count)")


def _draw_accuracy(axes: "Axes", rows: list[MetricRow]) -> None:
    steps, values = metric_series(rows, "reward_validation_accuracy")
    every = max(1, len(steps) // MAX_MARKERS)
    axes.plot(steps, 100 * values, color=BLUE, lw=1.4, ls="-.", marker="s", ms=3, markevery=every)
    axes.axhline(50, color=GREY, ls=":", lw=1.2)
    axes.text(0.995, 51, "guessing", transform=axes.get_yaxis_transform(), ha="right", va="bottom", fontsize=8)
    axes.set_ylim(min(40.0, 100 * values.min() - 5), 104)
    axes.set_ylabel("predictor\naccuracy (%)")


_BELOW = {"labels": _draw_labels, "reward_validation_accuracy": _draw_accuracy}


def _name_last_value(axes: "Axes", steps: np.ndarray, values: np.ndarray, form: str, color: str) -> None:
    from matplotlib.patheffects import withStroke

    axes.annotate(
        form.format(values[-1]),
        (steps[-1], values[-1]),
        xytext=(-4, 8),
        textcoords="offset points",
        ha="right",
        color=color,
        fontsize=9,
        fontweight="bold",
        path_effects=[withStroke(linewidth=4, foreground="white")],  # legible across a grid or reference line
    )
