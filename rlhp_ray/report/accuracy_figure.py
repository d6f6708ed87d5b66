"""How many held-out labels the predictor gets right, over time."""

from rlhp_ray import metric_keys as keys
from rlhp_ray.report.drawing import Drawing
from rlhp_ray.report.figure_parts import add_legend, finish_axes, new_figure, note_level
from rlhp_ray.report.run_groups import EnvGroup
from rlhp_ray.report.seed_curves import HOW_TO_READ, column, curve_table, curve_words, draw_seed_curves


def draw_accuracy(group: EnvGroup) -> Drawing | None:
    """Validation accuracy over env steps; None where nothing was fitted."""
    figure, curve = new_figure(len(group.settings)), column(keys.REWARD_VALIDATION_ACCURACY, 100.0)
    axes = figure.subplots()
    if not draw_seed_curves(axes, group.settings, curve):
        return None
    note_level(axes, 50.0, "guessing")
    finish_axes(axes, "environment steps", "accuracy on\nheld-out labels (%)", of_steps=True)
    add_legend(figure, axes)
    return Drawing(
        "accuracy",
        "Validation accuracy of the reward",
        f"Decided labels that each member's bootstrap left out, predicted right. {HOW_TO_READ}",
        f"Accuracy on held-out labels in per cent. {curve_words(group.learners, curve, _percent)}",
        figure,
        curve_table(group.learners, curve, _percent),
    )


def _percent(value: float) -> str:
    return f"{value:.0f} %"
