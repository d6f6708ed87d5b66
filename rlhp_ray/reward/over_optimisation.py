"""Over-optimisation: the policy gains in the eyes of the predictor while it loses true return (Gao et al. 2022).

Gao et al. 2022, *Scaling Laws for Reward Model Overoptimization*, arXiv 2210.10760: the proxy goes on rising after the
true reward has turned down.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student_t

MIN_ROUNDS = 10  # of which a trend is made
MOST_ROUNDS = 1000  # that need be kept: trends are then over the last 500, and a checkpoint holds 100 kB of them
SIGNIFICANCE = 0.01  # two-sided, of each slope
SMALLEST_MOVE = 0.3  # standard deviations of clips: twice what a mean of 64 clips errs by, and a small to medium effect
MOST_AUTOCORRELATION = 0.9  # beyond it no window is long enough to tell anything


@dataclass(frozen=True)
class RoundOutcome:
    """One round.

    Args:
        gain: of the policy over the run's first clips, in the eyes of the predictor, in their standard deviations.
        true_mean: mean true return of clips that the policy just made.
        true_std: their standard deviation.
    """

    gain: float
    true_mean: float
    true_std: float


@dataclass(frozen=True)
class OppositeTrends:
    """Least-squares lines through gain and true return over the last rounds.

    Args:
        rounds: in the window.
        gain: by how much the predicted gain rose over the window, in standard deviations of the reference clips.
        fall: by how much the true mean fell, in true return.
        fall_in_std: the same in standard deviations of clips.
        p_value: of the slope that is less certain to differ from 0.
    """

    rounds: int
    gain: float
    fall: float
    fall_in_std: float
    p_value: float

    @property
    def opposite(self) -> bool:
        """Whether the predictor sees a gain where there is a loss, however small."""
        return self.gain > 0 and self.fall > 0

    @property
    def alarming(self) -> bool:
        """Whether both moves are beyond noise, and large enough to matter."""
        return self.p_value < SIGNIFICANCE and min(self.gain, self.fall_in_std) >= SMALLEST_MOVE


def opposite_trends(outcomes: Sequence[RoundOutcome]) -> OppositeTrends | None:
    """The trends over the later half of a run, at least 10 rounds; None before there are as many.

    A window that grows with the run also sees what is too slow for a few rounds.
    """
    if len(outcomes) < MIN_ROUNDS:
        return None
    window = outcomes[-max(MIN_ROUNDS, len(outcomes) // 2) :]
    span = len(window) - 1
    gain, gain_p = slope([outcome.gain for outcome in window])
    true, true_p = slope([outcome.true_mean for outcome in window])
    spread = float(np.mean([outcome.true_std for outcome in window]))
    fall = -true * span
    return OppositeTrends(len(window), gain * span, fall, fall / spread if spread > 0 else 0.0, max(gain_p, true_p))


def slope(values: Sequence[float]) -> tuple[float, float]:
    """Least-squares slope of a series over its index, and how likely noise alone gives one as steep (two-sided).

        t = b / sqrt(sum e_i^2 / (n_e - 2) / sum (i - mean i)^2),  n_e = n (1 - r) / (1 + r)

    with the residuals e and their lag-1 autocorrelation r: of the points of a series that swings slowly fewer are
    independent (Santer et al. 2000, J. Geophys. Res. 105:7337). Few points show less of it than there is, so r is the
    estimate plus (1 + 4 r) / n (Kendall 1954, Biometrika 41:403).

    Returns:
        The slope per index, and the chance: 1 where nothing moves, 0 of an exact line.
    """
    series = np.asarray(values, np.float64)
    if not np.ptp(series):
        return 0.0, 1.0
    num = len(series)
    index, moves = np.arange(num) - (num - 1) / 2, series - series.mean()
    steepness = float(index @ moves / (index @ index))
    residuals = moves - steepness * index
    noise = float(residuals @ residuals)
    if noise <= np.finfo(np.float64).eps * float(moves @ moves):
        return steepness, 0.0  # a line as exact as it can be written has no noise to hold it against
    found = float(residuals[1:] @ residuals[:-1]) / noise
    autocorrelation = min(MOST_AUTOCORRELATION, max(0.0, found + (1 + 4 * found) / num))
    freedom = num * (1 - autocorrelation) / (1 + autocorrelation) - 2
    if freedom <= 0:
        return steepness, 1.0
    error = math.sqrt(noise / freedom / float(index @ index))
    return steepness, float(2 * student_t.sf(abs(steepness) / error, freedom))
