"""Over-optimisation: the policy gains in the eyes of the predictor while it loses true return (Gao et al. 2022).

Gao et al. 2022, *Scaling Laws for Reward Model Overoptimization*, arXiv 2210.10760: the proxy goes on rising after the
true reward has turned down.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import linregress

MIN_ROUNDS = 10  # of which a trend is made
SIGNIFICANCE = 0.01  # of each slope alone, two-sided: by chance both go wrong in 1 of 40,000 windows without a trend
SMALLEST_MOVE = 0.2  # standard deviations of clips: what Cohen 1988 calls a small effect; below it nobody would care


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
        significant: whether both slopes differ from 0 beyond noise.
    """

    rounds: int
    gain: float
    fall: float
    fall_in_std: float
    significant: bool

    @property
    def opposite(self) -> bool:
        """Whether the predictor sees a gain where there is a loss, however small."""
        return self.gain > 0 and self.fall > 0

    @property
    def alarming(self) -> bool:
        """Whether both moves are opposite, beyond noise, and large enough to matter."""
        large = self.gain >= SMALLEST_MOVE and self.fall_in_std >= SMALLEST_MOVE
        return self.opposite and self.significant and large


def opposite_trends(outcomes: Sequence[RoundOutcome]) -> OppositeTrends | None:
    """The trends over the later half of a run, at least 10 rounds; None before there are as many.

    A window that grows with the run also sees what is too slow for a few rounds. Each slope is held against the scatter
    of its own points around the line (t-test of least squares), so a series that only swings does not count.
    """
    if len(outcomes) < MIN_ROUNDS:
        return None
    window = outcomes[-max(MIN_ROUNDS, len(outcomes) // 2) :]
    rounds = np.arange(len(window))
    gain = linregress(rounds, [outcome.gain for outcome in window])
    true = linregress(rounds, [outcome.true_mean for outcome in window])
    span = len(window) - 1
    fall = -float(true.slope) * span
    spread = float(np.mean([outcome.true_std for outcome in window]))
    return OppositeTrends(
        rounds=len(window),
        gain=float(gain.slope) * span,
        fall=fall,
        fall_in_std=fall / spread if spread > 0 else 0.0,
        significant=max(float(gain.pvalue), float(true.pvalue)) < SIGNIFICANCE,
    )
