"""Every figure of an environment, in the order in which a person asks."""

from rlhp_ray.report.accuracy_figure import draw_accuracy
from rlhp_ray.report.agreement_figure import draw_agreement
from rlhp_ray.report.calibration_figure import draw_calibration
from rlhp_ray.report.cost_figure import draw_cost
from rlhp_ray.report.drawing import Drawing
from rlhp_ray.report.entropy_figure import draw_entropy
from rlhp_ray.report.labels_figure import draw_labels
from rlhp_ray.report.learning_figure import draw_learning
from rlhp_ray.report.memory_figure import draw_memory
from rlhp_ray.report.rates_figure import draw_rates
from rlhp_ray.report.run_groups import EnvGroup
from rlhp_ray.report.scatter_figure import draw_scatter
from rlhp_ray.report.spread_figure import draw_spread
from rlhp_ray.report.stages_figure import draw_stages

_DRAW = (
    draw_learning, draw_labels, draw_agreement, draw_scatter, draw_accuracy, draw_calibration, draw_spread,
    draw_entropy, draw_stages, draw_memory, draw_rates, draw_cost,
)  # fmt: skip


def draw_all(group: EnvGroup) -> list[Drawing]:
    """What there is to draw of an environment; what was not recorded is left out."""
    return [drawing for draw in _DRAW if (drawing := draw(group)) is not None]
