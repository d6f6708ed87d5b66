"""One picture of a reward predictor: can its probabilities be believed, and does it order clips as true return does?"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlhp_ray.errors import ArchiveError
from rlhp_ray.experiment.archive_files import read_text
from rlhp_ray.experiment.picture_file import BLUE, DPI, GREY, VERMILION, save_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SMALLEST_DOT, LARGEST_DOT = 20.0, 260.0  # points squared; the area of a dot is its bin's share of the answers


def draw_diagnostics(diagnostics_json: Path, output_png: Path, *, title: str) -> None:
    """Draws `diagnostics_json` into `output_png`, which is replaced in one step.

    Args:
        diagnostics_json: as `diagnostics_file.DiagnosticsFile` writes it.
        output_png: the picture, 1500 x 750 pixels: reliability of P' on the left, predicted against true return of
            each clip on the right.
        title: one line above it.

    Raises:
        ArchiveError: the diagnostics cannot be read or the picture cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 5.0), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    reliability, scatter = figure.subplots(1, 2)
    try:
        content = json.loads(read_text(diagnostics_json))
        _draw_reliability(reliability, content["calibration"])
        _draw_scatter(scatter, content["clips"])
        figure.suptitle(f"{title}\nreward version {content['reward_version']}", x=0.01, ha="left", fontsize=12)
    except (ValueError, KeyError, TypeError) as error:
        raise ArchiveError(
            f"{diagnostics_json} is damaged ({type(error).__name__}: {error}); expected what a run writes into it."
        ) from error
    for axes in (reliability, scatter):
        axes.grid(True, color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    save_picture(figure, output_png, "picture of the diagnostics")


def _draw_reliability(axes: "Axes", calibration: dict[str, Any] | None) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, ls=":", lw=1.2)
    bins = [] if calibration is None else calibration["bins"]
    if calibration is not None and bins:
        mean, share, count = (
            np.array([row[key] for row in bins]) for key in ("mean_probability", "share_left", "count")
        )
        sizes = SMALLEST_DOT + (LARGEST_DOT - SMALLEST_DOT) * count / count.max()
        axes.plot(mean, share, color=BLUE, lw=1.2, zorder=2)
        axes.scatter(mean, share, s=sizes, color=BLUE, edgecolors="white", zorder=3)
        for x, y, number in zip(mean, share, count, strict=True):
            axes.annotate(f"{number:.0f}", (x, y), xytext=(9, -11), textcoords="offset points", fontsize=8, color=GREY)
        _heading(axes, f"expected calibration error {calibration['error']:.3f}, accuracy {calibration['accuracy']:.2f}")
    else:
        _say_empty(axes, "no held-out labels")
    axes.set_xlim(-0.05, 1.05)
    axes.set_ylim(-0.08, 1.08)
    axes.set_xlabel("predicted P'(left), held-out labels")
    axes.set_ylabel("share of left\n(number: answers of all members)")


def _draw_scatter(axes: "Axes", clips: dict[str, Any]) -> None:
    predicted, true = np.array(clips["predicted_return"], float), np.array(clips["true_return"], float)
    if len(predicted):
        axes.scatter(true, predicted, s=18, color=VERMILION, alpha=0.55, edgecolors="none")
        correlation = clips["rank_correlation"]
        text = "none: all tie" if correlation is None else f"{correlation:.2f}"
        _heading(axes, f"rank correlation {text}, {len(predicted)} clips")
    else:
        _say_empty(axes, "no clips")
    axes.set_xlabel("true return of a clip")
    axes.set_ylabel("predicted return (reward units)")


def _heading(axes: "Axes", text: str) -> None:
    axes.set_title(text, loc="left", fontsize=10)


def _say_empty(axes: "Axes", text: str) -> None:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY)
