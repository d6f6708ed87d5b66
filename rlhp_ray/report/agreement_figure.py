"""Predicted against true return over time: whether they rise together, or part."""

import numpy as np

from rlhp_ray import metric_keys as keys
from rlhp_ray.experiment.metrics_series import Series
from rlhp_ray.report.drawing import Drawing
from rlhp_ray.report.figure_parts import add_legend, finish_axes, new_figure, note_level
from rlhp_ray.report.report_run import ReportRun
from rlhp_ray.report.run_groups import EnvGroup
from rlhp_ray.report.seed_curves import HOW_TO_READ, CurveOf, column, curve_table, curve_words, draw_seed_curves
from rlhp_ray.runs.value_text import share_text

_PANELS = (
    (keys.TRUE_RETURN, "true return"),
    (keys.PREDICTED_RETURN, "predicted\nreturn"),
    (keys.REWARD_TRUE_CORRELATION, "rank\ncorrelation"),
)


def draw_agreement(group: EnvGroup) -> Drawing | None:
    """Three panels over env steps; None where nothing was predicted."""
    settings = group.learners
    if not any(len(run.series(keys.PREDICTED_RETURN)[0]) for setting in settings for run in setting.runs):
        return None
    figure = new_figure(len(group.settings), height=6.4)
    panels = figure.subplots(3, 1, sharex=True)
    for axes, (key, label) in zip(panels, _PANELS, strict=True):
        draw_seed_curves(axes, group.settings, _of_learners(key))
        finish_axes(axes, "environment steps" if axes is panels[-1] else "", label, of_steps=True)
    note_level(panels[-1], 0.0, "no relation")
    figure.align_ylabels()
    add_legend(figure, panels[0])
    correlation = column(keys.REWARD_TRUE_CORRELATION)
    return Drawing(
        "predicted-and-true",
        "Predicted and true return over time",
        "Returns of the same training episodes, and Spearman's correlation of the two over recent clips. Where the "
        f"predicted return rises while the true one falls, the reward is exploited. {HOW_TO_READ}",
        f"True return, predicted return and their rank correlation. {curve_words(settings, correlation, share_text)}",
        figure,
        curve_table(settings, correlation, share_text),
    )


def _of_learners(key: str) -> CurveOf:
    plain = column(key)

    def curve(run: ReportRun) -> Series:
        return (np.empty(0), np.empty(0)) if run.is_baseline else plain(run)

    return curve
