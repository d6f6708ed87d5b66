"""What the seeds say: every final return, how surely each setting is known, and pairs of settings beside each other."""

import itertools
from collections.abc import Sequence

import numpy as np

from rlhp_ray.report.drawing import Table
from rlhp_ray.report.figure_parts import MAX_DRAWN
from rlhp_ray.report.html_elements import element, table, text
from rlhp_ray.report.run_groups import EnvGroup, Setting
from rlhp_ray.report.seed_curves import interval_text
from rlhp_ray.report.verdict import FEWEST_SEEDS
from rlhp_ray.runs.value_text import NOTHING, return_text, share_text
from rlhp_ray.statistics.bootstrap_interval import Statistic, bootstrap_interval, interquartile_mean, median
from rlhp_ray.statistics.improvement_probability import improvement_probability
from rlhp_ray.statistics.seeds_needed import MOST_SEEDS, seeds_needed
from rlhp_ray.statistics.success_rate import success_rate

TOO_FEW = f"fewer than {FEWEST_SEEDS} seeds: nothing can be said"

_SUMMARY_WORDS = (
    "Final true return over seeds, with 95 % intervals: Student's t of the mean, percentile bootstrap of median "
    "and IQM (mean of the middle half), Wilson's of the share that reaches the threshold. That of the "
    "IQM is too narrow below 10 seeds, that of the median below 5, and that of the mean below 10 where some seeds "
    "learn and others do not."
)
_PAIR_WORDS = (
    "P: the chance that a seed of the first setting ends above one of the second, ties counting half, with its 95 % "
    "interval; 0.50 where neither is better. Seeds needed: of each, for Welch's t test to find the difference of these "
    "means (power 0.8, two-sided 0.05) if it is the true one. Of many pairs some differ by chance alone."
)


def seed_section(group: EnvGroup, threshold: float | None) -> str:
    """The tables with their headings; nothing where no run has ended."""
    if not any(setting.final_returns for setting in group.settings):
        return ""
    parts = [element("h3", "What the seeds say"), _words(_SUMMARY_WORDS), table(summary_table(group, threshold))]
    pairs = pair_table(group)
    if pairs.rows:
        parts += [element("h3", "Pairs of settings"), _words(_PAIR_WORDS), table(pairs)]
    parts += [element("h3", "Final true return of every seed"), table(per_seed_table(group))]
    return element("div", "\n".join(parts), class_="seeds")


def summary_table(group: EnvGroup, threshold: float | None) -> Table:
    """Mean, median and IQM of every setting, and with a threshold how many seeds reach it."""
    reached = [] if threshold is None else [f"reach {threshold:g}"]
    rows = [_summary_row(setting, threshold) for setting in group.settings]
    return Table(("setting", "seeds", "mean", "median", "IQM", *reached), rows)


def pair_table(group: EnvGroup) -> Table:
    """Every two of the settings that figures show, of which some seed is done."""
    ended = [setting for setting in group.settings[:MAX_DRAWN] if setting.final_returns]
    rows = [_pair_row(*pair) for pair in itertools.combinations(ended, 2)]
    return Table(("pair", "P(first above second)", "seeds needed of each", "still to train"), rows)


def per_seed_table(group: EnvGroup) -> Table:
    """A row for every seed, a column for every setting."""
    found = [{str(run.seed): run.final_return for run in setting.counted} for setting in group.settings]
    seeds = sorted({seed for of_setting in found for seed in of_setting}, key=lambda seed: (len(seed), seed))
    rows = [[seed, *(return_text(of_setting.get(seed)) for of_setting in found)] for seed in seeds]
    return Table(("seed", *(setting.letter for setting in group.settings)), rows)


def success_text(returns: Sequence[float], threshold: float) -> str:
    """`4 of 5 (38 to 96 %)`; of too few seeds the count alone."""
    if not returns:
        return NOTHING
    found = success_rate(returns, threshold)
    counted = f"{found.successes} of {found.num_seeds}"
    if found.num_seeds < FEWEST_SEEDS:
        return counted
    return f"{counted} ({100 * found.interval.low:.0f} to {100 * found.interval.high:.0f} %)"


def _words(told: str) -> str:
    return element("p", text(told), class_="made")


def _summary_row(setting: Setting, threshold: float | None) -> list[str]:
    returns = setting.final_returns
    reached = [] if threshold is None else [success_text(returns, threshold)]
    if not returns:
        figures = [NOTHING] * 3
    elif len(returns) < FEWEST_SEEDS:
        figures = [TOO_FEW, NOTHING, NOTHING]
    else:
        robust = (_bootstrapped(returns, statistic) for statistic in (median, interquartile_mean))
        figures = [interval_text(returns, return_text), *robust]
    return [setting.letter, str(len(returns)), *figures, *reached]


def _bootstrapped(returns: Sequence[float], statistic: Statistic) -> str:
    low, high = bootstrap_interval([returns], statistic)
    value = float(statistic(np.asarray(returns), axis=-1))
    return f"{return_text(value)} ({return_text(low)} to {return_text(high)})"


def _pair_row(first: Setting, second: Setting) -> list[str]:
    pair, returns = f"{first.letter} and {second.letter}", (first.final_returns, second.final_returns)
    if min(map(len, returns)) < FEWEST_SEEDS:
        return [pair, TOO_FEW, NOTHING, NOTHING]
    probability, (low, high) = improvement_probability(*returns)
    chance = f"{share_text(probability)} ({share_text(low)} to {share_text(high)})"
    needed = seeds_needed(*returns)
    if needed is None:
        alike = np.mean(returns[0]) == np.mean(returns[1])
        told = "unbounded: the means agree" if alike else f"more than {MOST_SEEDS:,}"
        return [pair, chance, told, NOTHING]
    missing = [(needed - len(setting.final_returns), setting.letter) for setting in (first, second)]
    still = ", ".join(f"{count} of {letter}" for count, letter in missing if count > 0)
    return [pair, chance, str(needed), still or "none"]
