"""Memory over time, and its peak by process."""

import numpy as np

from rlhp_ray import metric_keys as keys
from rlhp_ray.experiment.metrics_series import Series
from rlhp_ray.report.bars import Amount, bar_table
from rlhp_ray.report.drawing import Drawing
from rlhp_ray.report.figure_parts import add_legend, finish_axes, new_figure
from rlhp_ray.report.report_run import ReportRun
from rlhp_ray.report.run_groups import EnvGroup
from rlhp_ray.report.seed_curves import HOW_TO_READ, curve_words, draw_seed_curves

_PROCESSES = (keys.MEMORY_TRIAL, keys.MEMORY_RUNNERS, keys.MEMORY_BUFFER, keys.MEMORY_LEARNER)


def draw_memory(group: EnvGroup) -> Drawing | None:
    """Resident memory of a run's processes together; None where it was not recorded."""
    figure = new_figure(len(group.settings))
    axes = figure.subplots()
    if not draw_seed_curves(axes, group.settings, _memory):
        return None
    axes.set_ylim(bottom=0)
    finish_axes(axes, "environment steps", "memory of a run (MB)", of_steps=True)
    add_legend(figure, axes)
    return Drawing(
        "memory",
        "Memory",
        f"Resident memory of trial, env runners, preference buffer and reward learner together. {HOW_TO_READ} "
        "The table has the peaks. It should be flat once clip pool and label window are full.",
        f"Memory in megabytes. {curve_words(group.settings, _memory, _megabytes)}",
        figure,
        bar_table(group.settings, _PEAKS, _megabytes),
    )


def _memory(run: ReportRun) -> Series:
    """The sum of the processes, where that of the trial is known."""
    steps, total = run.series(keys.MEMORY_TRIAL)
    for key in _PROCESSES[1:]:
        at, values = run.series(key)
        if len(at) and len(steps):
            total = total + np.interp(steps, at, values)
    return steps, total


def _peak(name: str, key: str) -> Amount:
    def amount(run: ReportRun) -> float | None:
        _, values = run.series(key)
        return float(values.max()) if len(values) else None

    return name, amount


def _megabytes(value: float) -> str:
    return f"{value:,.0f} MB"


_PEAKS = tuple(
    _peak(name, key)
    for name, key in zip(("trial", "env runners", "preference buffer", "reward learner"), _PROCESSES, strict=True)
)
