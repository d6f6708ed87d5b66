"""Where the time goes: seconds of each stage of a run."""

import numpy as np

from rlhp_ray import metric_keys as keys
from rlhp_ray.report.bars import Amount, bar_table, bar_words, draw_bars
from rlhp_ray.report.drawing import Drawing
from rlhp_ray.report.figure_parts import add_legend, finish_axes, new_figure
from rlhp_ray.report.report_run import ReportRun
from rlhp_ray.report.run_groups import EnvGroup


def draw_stages(group: EnvGroup) -> Drawing | None:
    """Seconds by stage, mean over seeds; None where no time was recorded."""
    figure = new_figure(len(group.settings), height=5.0)
    axes = figure.subplots()
    if not draw_bars(axes, group.settings, _STAGES):
        return None
    finish_axes(axes, "seconds of a run", "")
    add_legend(figure, axes)
    return Drawing(
        "stages",
        "Time per stage",
        "Bars: mean over seeds; dots: seeds. Fitting runs in a process of its own, beside collecting, so that stages "
        "may sum to more than the run. Collecting and updating are sums of RLlib's moving averages.",
        f"Seconds by stage. {bar_words(group.settings, _STAGES, _seconds)}",
        figure,
        bar_table(group.settings, _STAGES, _seconds),
    )


def _summed(key: str) -> Amount:
    names = {keys.TIME_SAMPLING: "collect", keys.TIME_LEARNING: "update policy", keys.TIME_EVALUATION: "evaluate"}

    def amount(run: ReportRun) -> float | None:
        _, values = run.series(key)
        return float(values.sum()) if len(values) else None

    return names[key], amount


def _fitting(run: ReportRun) -> float | None:
    """Of every round once: each iteration until the next round repeats the figures of the last."""
    steps, versions = run.series(keys.REWARD_VERSION)
    at, seconds = run.series(keys.TIME_FITTING)
    if not len(at) or not len(steps):
        return None
    of_each = np.interp(at, steps, versions)
    _, first = np.unique(of_each, return_index=True)
    return float(seconds[first].sum())


def _last(run: ReportRun) -> float | None:
    _, values = run.series(keys.TIME_WAITING)
    return float(values[-1]) if len(values) else None


def _seconds(value: float) -> str:
    return f"{value:,.0f} s" if value >= 10 else f"{value:.1f} s"


_STAGES: tuple[Amount, ...] = (
    _summed(keys.TIME_SAMPLING),
    _summed(keys.TIME_LEARNING),
    ("fit reward", _fitting),
    ("wait for it", _last),
    _summed(keys.TIME_EVALUATION),
)
