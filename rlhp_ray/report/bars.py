"""Grouped horizontal bars: one group a category, in it one bar a setting, a dot on it for each seed."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rlhp_ray.report.drawing import Table
from rlhp_ray.report.figure_parts import LETTERS, drawn
from rlhp_ray.report.report_run import ReportRun
from rlhp_ray.report.run_groups import Setting
from rlhp_ray.report.seed_curves import interval_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Amount = tuple[str, Callable[[ReportRun], float | None]]
"""A category, and how much of it a run has; None where that is not known."""

_GROUP_HEIGHT = 0.82


def draw_bars(axes: "Axes", settings: Sequence[Setting], amounts: Sequence[Amount]) -> bool:
    """Draw the means over seeds; whether there was any."""
    shown, found = drawn(settings), False
    height = _GROUP_HEIGHT / max(1, len(shown))
    for index, (setting, look) in enumerate(shown):
        for place, (_, amount) in enumerate(amounts):
            values = amounts_of(setting, amount)
            if not values:
                continue
            found = True
            y = place + (index - (len(shown) - 1) / 2) * height
            axes.barh(
                y, np.mean(values), 0.9 * height, color=look.colour, hatch=look.hatch, edgecolor="white", alpha=0.85,
                label=setting.title if place == 0 else None,
            )  # fmt: skip
            axes.plot(values, [y] * len(values), "o", ms=3.5, mfc="white", mec="black", mew=0.8, ls="none")
    axes.set_yticks(range(len(amounts)), [name for name, _ in amounts], fontsize=LETTERS)
    axes.invert_yaxis()
    return found


def bar_table(settings: Sequence[Setting], amounts: Sequence[Amount], text: Callable[[float], str]) -> Table:
    """Means with their intervals."""
    rows = [
        [setting.letter, *(interval_text(amounts_of(setting, amount), text) for _, amount in amounts)]
        for setting in settings
    ]
    return Table(("setting", *(name for name, _ in amounts)), rows)


def bar_words(settings: Sequence[Setting], amounts: Sequence[Amount], text: Callable[[float], str]) -> str:
    """The means, setting by setting."""
    parts = []
    for setting, _ in drawn(settings):
        means = [(name, amounts_of(setting, amount)) for name, amount in amounts]
        told = ", ".join(f"{name} {text(float(np.mean(values)))}" for name, values in means if values)
        parts.append(f"{setting.title}: {told}")
    return "; ".join(parts) + "."


def amounts_of(setting: Setting, amount: Callable[[ReportRun], float | None]) -> list[float]:
    """Of every run of the setting that is counted, where it is known."""
    return [value for run in setting.counted if (value := amount(run)) is not None]
