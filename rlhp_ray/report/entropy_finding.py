"""The failure shape of a run's policy entropy, in words."""

from rlhp_ray import metric_keys as keys
from rlhp_ray.health.entropy_shapes import (
    LEVEL_SHARE,
    EntropyScale,
    EntropyShape,
    end_mean,
    entropy_scale,
    entropy_shape,
)
from rlhp_ray.health.entropy_watch import COLLAPSE, PLATEAU
from rlhp_ray.report.report_run import ReportRun


def run_scale(run: ReportRun) -> EntropyScale:
    """By its action space.

    Where no checkpoint tells how many actions there are, the highest entropy seen stands for the maximum: an untrained
    policy chooses almost uniformly.
    """
    scale = entropy_scale(run.action_space)
    if scale is not None:
        return scale
    _, values = run.series(keys.POLICY_ENTROPY)
    return EntropyScale(float(values.max()) if len(values) and values.max() > 0 else None)


def run_shape(run: ReportRun) -> EntropyShape:
    """The shape of a run's policy entropy."""
    return entropy_shape(run.series(keys.POLICY_ENTROPY)[1], run_scale(run))


def finding(run: ReportRun) -> str | None:
    """What is wrong with the entropy of a run, in a sentence; None where nothing is."""
    shape, scale = run_shape(run), run_scale(run)
    if shape not in (EntropyShape.COLLAPSE, EntropyShape.PLATEAU):
        return None
    end = end_mean(run.series(keys.POLICY_ENTROPY)[1])
    if shape is EntropyShape.COLLAPSE:
        return (
            f"{run.name}: policy entropy collapsed to near zero ({scale.text(end)}): the policy takes one action, and "
            f"can no longer find a better one. {COLLAPSE.advice}"
        )
    is_uniform = scale.maximum is not None and end > (1 - LEVEL_SHARE) * scale.maximum
    return (
        f"{run.name}: policy entropy is a plateau that never falls ({scale.text(end)}): the policy goes on choosing "
        f"at random among {'all actions' if is_uniform else 'a few actions'}. {PLATEAU.advice}"
    )
