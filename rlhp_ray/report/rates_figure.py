"""The queues between the parts of a run: clips that arrive, clips that are lost, and how late a fit is."""

from rlhp_ray import metric_keys as keys
from rlhp_ray.report.bars import Amount, bar_table
from rlhp_ray.report.drawing import Drawing
from rlhp_ray.report.figure_parts import add_legend, finish_axes, new_figure
from rlhp_ray.report.report_run import ReportRun
from rlhp_ray.report.run_groups import EnvGroup
from rlhp_ray.report.seed_curves import HOW_TO_READ, column, curve_words, draw_seed_curves

_PANELS = (
    (keys.CLIPS_PER_SECOND, "clips / s"),
    (keys.QUERIES, "queries"),
    (keys.FIT_LAG, "fit lag\n(env steps)"),
)


def draw_rates(group: EnvGroup) -> Drawing | None:
    """Three panels over env steps; None where nothing was asked."""
    if not any(len(run.series(keys.CLIPS_PER_SECOND)[0]) for run in group.runs):
        return None
    figure = new_figure(len(group.settings), height=6.0)
    panels = figure.subplots(3, 1, sharex=True)
    for axes, (key, label) in zip(panels, _PANELS, strict=True):
        draw_seed_curves(axes, group.settings, column(key))
        axes.set_ylim(bottom=0)
        finish_axes(axes, "environment steps" if axes is panels[-1] else "", label, of_steps=True)
    figure.align_ylabels()
    add_legend(figure, panels[0])
    rate = column(keys.CLIPS_PER_SECOND)
    return Drawing(
        "rates",
        "Clips, queries and fit lag",
        "Clips sent to the buffer, pairs asked so far, and the age of the clips behind the newest applied reward. "
        f"Clips dropped should be 0. {HOW_TO_READ}",
        f"Clips a second, queries and fit lag. Clips a second: {curve_words(group.settings, rate, _rate)}",
        figure,
        bar_table(group.settings, _AMOUNTS, _count),
    )


def _at_last(name: str, key: str) -> Amount:
    def amount(run: ReportRun) -> float | None:
        _, values = run.series(key)
        return float(values[-1]) if len(values) else None

    return name, amount


def _rate(value: float) -> str:
    return f"{value:.1f}"


def _count(value: float) -> str:
    return f"{value:,.0f}"


_AMOUNTS = (
    _at_last("queries", keys.QUERIES),
    _at_last("labels", keys.LABELS),
    _at_last("clips in pool", keys.CLIPS_POOL),
    _at_last("clips dropped", keys.CLIPS_DROPPED),
    _at_last("fit lag (env steps)", keys.FIT_LAG),
)
