"""Entropy of the policy over time, with its failure shapes named."""

from rlhp_ray import metric_keys as keys
from rlhp_ray.health.entropy_shapes import EntropyShape
from rlhp_ray.report.drawing import Drawing, Table
from rlhp_ray.report.entropy_finding import finding, run_scale, run_shape
from rlhp_ray.report.figure_parts import add_legend, finish_axes, new_figure, note_level
from rlhp_ray.report.run_groups import EnvGroup
from rlhp_ray.report.seed_curves import HOW_TO_READ, column, curve_table, curve_words, draw_seed_curves


def draw_entropy(group: EnvGroup) -> Drawing | None:
    """Policy entropy over env steps; None where no policy was trained."""
    figure, curve = new_figure(len(group.settings)), column(keys.POLICY_ENTROPY)
    axes = figure.subplots()
    if not draw_seed_curves(axes, group.settings, curve):
        return None
    maxima = {run_scale(run).maximum for run in group.runs if run.action_space}
    if len(maxima) == 1 and (maximum := maxima.pop()) is not None:
        note_level(axes, maximum, "random choice among all actions")
        axes.set_ylim(0, 1.12 * maximum)
        note_level(axes, 0.0, "one action")
    finish_axes(axes, "environment steps", "policy entropy (nats)", of_steps=True)
    add_legend(figure, axes)
    plain = curve_table(group.settings, curve, _two_digits)
    shapes = [", ".join(_counted([run_shape(run) for run in setting.runs])) for setting in group.settings]
    return Drawing(
        "entropy",
        "Policy entropy",
        "It should fall slowly. Two shapes are failures: a collapse to near zero (one action), and a plateau that "
        f"never falls (random choice among a few actions). Of continuous actions zero means nothing. {HOW_TO_READ}",
        f"Policy entropy in nats. {curve_words(group.settings, curve, _two_digits)}",
        figure,
        Table((*plain.head, "shape"), [[*row, shape] for row, shape in zip(plain.rows, shapes, strict=True)]),
        tuple(text for run in group.runs if (text := finding(run)) is not None),
    )


def _counted(shapes: list[EntropyShape]) -> list[str]:
    return [f"{shapes.count(shape)} x {shape}" for shape in EntropyShape if shape in shapes]


def _two_digits(value: float) -> str:
    return f"{value:.2f}"
