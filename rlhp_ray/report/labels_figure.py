"""What labels buy: true return against the number of labels."""

import numpy as np

from rlhp_ray import metric_keys as keys
from rlhp_ray.experiment.metrics_series import Series
from rlhp_ray.report.drawing import Drawing, Table
from rlhp_ray.report.figure_parts import add_legend, drawn, finish_axes, new_figure, note_level
from rlhp_ray.report.report_run import ReportRun
from rlhp_ray.report.run_groups import EnvGroup, Setting
from rlhp_ray.report.seed_band import interval_over
from rlhp_ray.report.seed_curves import interval_text
from rlhp_ray.runs.value_text import NOTHING, count_text, return_text


def draw_labels(group: EnvGroup) -> Drawing | None:
    """Evaluations of each run over the labels it had then; None where nobody was asked or nothing was evaluated."""
    figure = new_figure(len(group.settings))
    axes = figure.subplots()
    shown = False
    for setting, look in drawn(group.settings):
        if setting.is_baseline:
            continue
        for run in setting.runs:
            labels, values = _return_by_labels(run)
            shown = shown or len(labels) > 0
            axes.plot(labels, values, color=look.colour, ls=look.style, lw=0.8, alpha=0.6, marker=".", ms=5)
        returns, count = setting.final_returns, _mean_labels(setting)
        if returns and count is not None:
            shown, interval = True, interval_over(returns)
            mean = float(np.mean(returns))
            error = None if interval is None else [[mean - interval.low], [interval.high - mean]]
            axes.errorbar(
                [count], [mean], yerr=error, fmt=look.marker, ms=9, color=look.colour, mfc="white", mew=1.8,
                capsize=5, elinewidth=1.6, zorder=5, label=setting.title,
            )  # fmt: skip
    if not shown:
        return None
    for setting in group.settings:
        if setting.is_baseline and setting.final_returns:
            note_level(axes, float(np.mean(setting.final_returns)), f"{setting.letter}: true reward")
    axes.set_xlim(left=0)
    finish_axes(axes, "labels (answers to train on)", "true return, evaluated\n(reward per episode)")
    add_legend(figure, axes)
    rows = [_row(setting) for setting in group.learners]
    words = "; ".join(f"{row[0]}: {row[2]} from {row[1]} labels" for row in rows[: len(drawn(group.settings))])
    return Drawing(
        "return-by-labels",
        "Return against labels",
        "Thin: evaluations of one seed, at the labels it had by then. Large hollow markers: final mean over "
        "seeds, with its 95 % t interval.",
        f"True return of evaluations against labels. At the end, {words}.",
        figure,
        Table(("setting", "labels (mean)", "true return (95 %)"), rows),
    )


def _return_by_labels(run: ReportRun) -> Series:
    steps, values = run.series(keys.EVALUATION_RETURN)
    at, labels = run.series(keys.LABELS)
    if not len(steps) or not len(at):
        return np.empty(0), np.empty(0)
    return np.interp(steps, at, labels), values


def _mean_labels(setting: Setting) -> float | None:
    counts = [count for run in setting.counted if (count := run.fact("labels")) is not None]
    return float(np.mean(counts)) if counts else None


def _row(setting: Setting) -> list[str]:
    returns, count = setting.final_returns, _mean_labels(setting)
    return [
        setting.letter,
        NOTHING if count is None else count_text(round(count)),
        interval_text(returns, return_text),
    ]
