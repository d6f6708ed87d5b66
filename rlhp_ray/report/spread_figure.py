"""How far the members of the ensemble disagree, over time."""

from rlhp_ray import metric_keys as keys
from rlhp_ray.report.drawing import Drawing
from rlhp_ray.report.figure_parts import add_legend, finish_axes, new_figure
from rlhp_ray.report.run_groups import EnvGroup
from rlhp_ray.report.seed_curves import HOW_TO_READ, column, curve_table, curve_words, draw_seed_curves


def draw_spread(group: EnvGroup) -> Drawing | None:
    """Ensemble spread over env steps; None where there is none."""
    figure, curve = new_figure(len(group.settings)), column(keys.ENSEMBLE_SPREAD)
    axes = figure.subplots()
    if not draw_seed_curves(axes, group.settings, curve):
        return None
    axes.set_ylim(bottom=0)
    finish_axes(axes, "environment steps", "spread of members\n(reward per step)", of_steps=True)
    add_legend(figure, axes)
    return Drawing(
        "ensemble-spread",
        "Ensemble spread",
        f"Mean over steps of the members' standard deviation; healthy is below reward.scale. {HOW_TO_READ}",
        f"Spread of the ensemble. {curve_words(group.learners, curve, _three_digits)}",
        figure,
        curve_table(group.learners, curve, _three_digits),
    )


def _three_digits(value: float) -> str:
    return f"{value:.3g}"
