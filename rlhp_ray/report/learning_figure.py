"""Learning curves: true return over env steps."""

from rlhp_ray import metric_keys as keys
from rlhp_ray.report.drawing import Drawing
from rlhp_ray.report.figure_parts import add_legend, drawn, finish_axes, new_figure
from rlhp_ray.report.run_groups import EnvGroup
from rlhp_ray.report.seed_band import interval_over
from rlhp_ray.report.seed_curves import HOW_TO_READ, column, curve_table, curve_words, draw_seed_curves
from rlhp_ray.runs.value_text import return_text

_ASIDE = 0.025  # of the run: final markers of settings stand beside each other, right of the curves


def draw_learning(group: EnvGroup) -> Drawing | None:
    """Training returns as curves, final evaluations at their end; None where neither was recorded.

    In a run so short that no training episode ended, the curves are those of the evaluations.
    """
    has_training = any(len(run.series(keys.TRUE_RETURN)[0]) for run in group.runs)
    figure, curve = (
        new_figure(len(group.settings)),
        column(keys.TRUE_RETURN if has_training else keys.EVALUATION_RETURN),
    )
    of_what = "the training episodes, which explore" if has_training else "evaluations"
    axes = figure.subplots()
    if not draw_seed_curves(axes, group.settings, curve):
        return None
    for index, (setting, look) in enumerate(drawn(group.settings)):
        returns = setting.final_returns
        if not returns:
            continue
        step = (1 + _ASIDE * (index + 1)) * max(run.fact("env_steps") or 0.0 for run in setting.counted)
        interval = interval_over(returns)
        mean = sum(returns) / len(returns)
        error = None if interval is None else [[mean - interval.low], [interval.high - mean]]
        axes.errorbar(
            [step], [mean], yerr=error, fmt=look.marker, ms=9, color=look.colour, mfc="white", mew=1.8, capsize=5,
            elinewidth=1.6, zorder=5, clip_on=False,
        )  # fmt: skip
    finish_axes(axes, "environment steps", "true return\n(reward per episode)", of_steps=True)
    add_legend(figure, axes)
    return Drawing(
        "learning",
        "Learning curves",
        f"Mean true return of {of_what}. {HOW_TO_READ} "
        "Large hollow markers at the right: final evaluation, with its interval.",
        f"Mean true return of {of_what}. {curve_words(group.settings, curve, return_text)}",
        figure,
        curve_table(group.settings, curve, return_text),
    )
