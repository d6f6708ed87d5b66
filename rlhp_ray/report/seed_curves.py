"""Curves over env steps: a thin line for each seed, a thick one for their mean, a band for its interval."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rlhp_ray.experiment.metrics_series import Series
from rlhp_ray.report.drawing import Table
from rlhp_ray.report.figure_parts import drawn
from rlhp_ray.report.report_run import ReportRun
from rlhp_ray.report.run_groups import Setting
from rlhp_ray.report.seed_band import SeedBand, interval_over, seed_band, thinned
from rlhp_ray.runs.value_text import NOTHING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CurveOf = Callable[[ReportRun], Series]

HOW_TO_READ = "Thin: one seed (up to four settings). Thick: mean over seeds. Band: 95 % t interval of the mean."
MAX_WITH_SEEDS = 4
"""Settings of which each seed is drawn as well (ours): with more, nothing could be told apart."""
_MARKERS = 8
_SHARES = (0.0, 0.5, 1.0)


def column(key: str, factor: float = 1.0) -> CurveOf:
    """The curve of one column of the metrics."""

    def curve(run: ReportRun) -> Series:
        steps, values = run.series(key)
        return steps, factor * values

    return curve


def draw_seed_curves(axes: "Axes", settings: Sequence[Setting], curve: CurveOf) -> bool:
    """Draw every setting; whether there was anything to draw."""
    shown = drawn(settings)
    is_crowded = len(shown) > MAX_WITH_SEEDS
    for index, (setting, look) in enumerate(shown):
        band = _band(setting, curve)
        for run in () if is_crowded and band is not None else setting.runs:
            steps, values = thinned(curve(run))
            axes.plot(steps, values, color=look.colour, ls=look.style, lw=0.7, alpha=0.45)
        if band is None:
            continue
        every = max(1, len(band.steps) // _MARKERS)
        first = index * every // len(shown)  # else the markers of curves that lie on each other hide one another
        axes.plot(
            band.steps, band.mean, color=look.colour, ls=look.style, lw=2.2, marker=look.marker, ms=6,
            markevery=(first, every), label=setting.title,
        )  # fmt: skip
        if band.low is not None and band.high is not None:
            axes.fill_between(
                band.steps, band.low, band.high, color=look.colour, alpha=0.08 if is_crowded else 0.16, lw=0
            )
    return any(len(line.get_xdata()) for line in axes.lines)  # type: ignore[arg-type]  # of a Line2D always an array


def curve_table(settings: Sequence[Setting], curve: CurveOf, text: Callable[[float], str]) -> Table:
    """Means and intervals at the beginning, in the middle and at the end of what all seeds of a setting have."""
    head = ("setting", "seeds", "at first", "half-way", "at last", "env steps")
    return Table(head, [_row(setting, curve, text) for setting in settings])


def curve_words(settings: Sequence[Setting], curve: CurveOf, text: Callable[[float], str]) -> str:
    """From where to where the mean of each drawn setting goes."""
    parts = []
    for setting, _ in drawn(settings):
        band = _band(setting, curve)
        if band is not None:
            way = f"from {text(band.mean[0])} to {text(band.mean[-1])}"
            parts.append(f"{setting.title}: {way} at {band.steps[-1]:,.0f} env steps")
    return "; ".join(parts) + "."


def interval_text(values: Sequence[float], text: Callable[[float], str]) -> str:
    """`88.9 (84.1 to 93.7)`; of one value only itself."""
    if not len(values):
        return NOTHING
    interval = interval_over(values)
    mean = float(np.mean(values))
    return text(mean) if interval is None else _with_bounds(mean, interval.low, interval.high, text)


def _row(setting: Setting, curve: CurveOf, text: Callable[[float], str]) -> list[str]:
    band = _band(setting, curve)
    if band is None:
        return [setting.letter, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING]
    curves = [curve(run) for run in setting.counted]
    cells = []
    for share in _SHARES:
        index = round(share * (len(band.steps) - 1))
        mean = float(band.mean[index])
        if band.low is None or band.high is None:
            cells.append(text(mean))
        else:
            cells.append(_with_bounds(mean, float(band.low[index]), float(band.high[index]), text))
    return [setting.letter, str(sum(len(steps) > 0 for steps, _ in curves)), *cells, f"{band.steps[-1]:,.0f}"]


def _with_bounds(mean: float, low: float, high: float, text: Callable[[float], str]) -> str:
    """Bounds that are written alike, as of counts that all seeds share, are left out."""
    bounds = text(low), text(high)
    return text(mean) if bounds[0] == bounds[1] else f"{text(mean)} ({bounds[0]} to {bounds[1]})"


def _band(setting: Setting, curve: CurveOf) -> SeedBand | None:
    return seed_band([curve(run) for run in setting.counted])
