"""Did a setting learn? Its final returns beside those of its first episodes, with what the seeds allow to say."""

from dataclasses import dataclass

import numpy as np

from rlhp_ray.report.run_groups import EnvGroup, Setting
from rlhp_ray.report.seed_band import interval_over
from rlhp_ray.runs.value_text import return_text

FEWEST_SEEDS = 3
"""Below which nothing is said of other seeds (ours): two tell a spread, and that badly."""
_SMALL_SAMPLE = 5  # below it an interval is wide, and one odd seed moves it much (ours)


@dataclass(frozen=True)
class Verdict:
    """An answer in a word or two, and the reason for it in a sentence."""

    answer: str
    reason: str


def judge(setting: Setting) -> Verdict:
    """Whether the final true return is above that of the first episodes, beyond what seeds vary.

    The gain of a seed is its final evaluation's return less the return of its first training episodes; "yes" means that
    the 95 % t interval of the mean gain lies above zero.
    """
    ended = [run for run in setting.counted if run.final_return is not None]
    if not ended:
        return Verdict("no result yet", "no run of this setting has ended with an evaluation")
    starts = [run.first_return for run in ended]
    if any(start is None for start in starts):
        return Verdict("cannot be told", "no return of training episodes was recorded")
    gains = [run.final_return - start for run, start in zip(ended, starts, strict=True)]  # type: ignore[operator]  # both checked
    start = return_text(float(np.mean([value for value in starts if value is not None])))
    end = return_text(float(np.mean(setting.final_returns)))
    gain, interval = float(np.mean(gains)), interval_over(gains)
    if interval is None or len(gains) < FEWEST_SEEDS:
        way = "rose" if gain > 0 else "fell" if gain < 0 else "stayed"
        count, proof = ("one seed", "one run proves") if len(gains) == 1 else ("two seeds", "two runs prove")
        return Verdict(f"{count} only", f"{way} from {start} to {end}; {proof} nothing")
    told = f"from {start} to {end}; gain {return_text(gain)}"
    told += f", 95 % {return_text(interval.low)} to {return_text(interval.high)}"
    if len(gains) < _SMALL_SAMPLE:
        told += f"; {len(gains)} seeds are few"
    if interval.low > 0:
        return Verdict("yes", told)
    if interval.high < 0:
        return Verdict("no, it fell", told)
    return Verdict("not shown", f"{told}: it may be none")


def beside_baseline(setting: Setting, group: EnvGroup) -> str | None:
    """How far towards the agent on the true reward it came; None where the report has no such agent."""
    baselines = [other for other in group.settings if other.is_baseline and other.final_returns]
    if setting.is_baseline or not baselines or not setting.final_returns:
        return None
    best = float(np.mean(baselines[0].final_returns))
    text = f"true reward ({baselines[0].letter}) gets {return_text(best)}"
    starts = [run.first_return for run in setting.counted if run.first_return is not None]
    if starts and best > (start := float(np.mean(starts))):
        text += f": {100 * (float(np.mean(setting.final_returns)) - start) / (best - start):.0f} % of its gain"
    return text
