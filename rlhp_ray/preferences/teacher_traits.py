"""What keeps a simulated teacher from being perfect: the five irrationalities of B-Pref s4."""

import math
from dataclasses import dataclass

import numpy as np

NEVER_SKIPS = -math.inf  # no return is below it
NEVER_EQUAL = 0.0  # no distance is below it


@dataclass(frozen=True)
class TeacherTraits:
    """The parameters of a simulated teacher; the defaults are the perfect one, and all can be combined.

    Args:
        beta: rationality, per unit of true return; infinite is perfect.
        gamma: discount per env step, backwards from the newest step of a clip, whose weight is 1; below 1 is myopic.
        mistake: chance to say left for right, and right for left.
        skip: skip threshold as a share of the mean return of a recent clip.
        equal: equal threshold as a share of the mean return of a recent clip.
        skip_below: skip threshold in units of true return; where given, it replaces `skip`.
        equal_within: equal threshold in units of true return; where given, it replaces `equal`.
    """

    beta: float = math.inf
    gamma: float = 1.0
    mistake: float = 0.0
    skip: float = 0.0
    equal: float = 0.0
    skip_below: float | None = None
    equal_within: float | None = None


class TeacherThresholds:
    """d_skip and d_equal of B-Pref s4 in units of true return, the relative ones recomputed as the policy improves.

        d = eps * mean return of recent clips      where that is positive, else off

    B-Pref's returns are positive, and its code turns a threshold that is not off without a word. This one tells.

    Args:
        traits: of the teacher.
    """

    def __init__(self, traits: TeacherTraits) -> None:
        self.skip_below = NEVER_SKIPS if traits.skip_below is None else traits.skip_below
        self.equal_within = NEVER_EQUAL if traits.equal_within is None else traits.equal_within
        self._skip_share = traits.skip if traits.skip_below is None else 0.0
        self._equal_share = traits.equal if traits.equal_within is None else 0.0
        self._told: set[str] = set()

    @property
    def are_relative(self) -> bool:
        """Whether `recompute` changes anything."""
        return bool(self._skip_share or self._equal_share)

    def recompute(self, recent_returns: np.ndarray) -> list[str]:
        """Take in `[num_recent]` returns of recent clips; gives, once for each threshold, what the user must know."""
        mean = float(np.mean(recent_returns))
        off = []
        if self._skip_share:
            self.skip_below = self._skip_share * mean if mean > 0 else NEVER_SKIPS
            off.append(("skip", self._skip_share, "skip_below"))
        if self._equal_share:
            self.equal_within = self._equal_share * mean if mean > 0 else NEVER_EQUAL
            off.append(("equal", self._equal_share, "equal_within"))
        if mean > 0:
            return []
        new = [names for names in off if names[0] not in self._told]
        self._told.update(name for name, _, _ in new)
        return [
            f"teacher.{name}={share:g} is a share of the mean return of recent clips, which is {mean:.4g}: not "
            f"positive, so that it is off until it is. Recent clips return {np.min(recent_returns):.4g} to "
            f"{np.max(recent_returns):.4g}: set teacher.{absolute} in these units instead."
            for name, share, absolute in new
        ]
