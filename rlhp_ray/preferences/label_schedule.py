"""How many queries are due after how many env steps: a first share, then the rest of the budget along a curve."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

Share = Callable[[int], Fraction | float]
"""From env steps T, below T_end, to the share in [0, 1] of the later queries that is due by then; it never falls."""


def initial_queries(labels: int, initial_fraction: float) -> int:
    """Queries asked about the untrained policy: L0 = ceil(`initial_fraction` L), at most L."""
    exact = round(initial_fraction * labels, 9)  # 0.07 * 100 is a little more than 7 in floating point
    return min(labels, math.ceil(exact))


@dataclass(frozen=True)
class LabelSchedule:
    """A first share from the untrained policy, then the rest along a curve (C17 A.1).

    With L labels in all, L0 of them at first, the number due after T env steps is

        n(T) = L0 + floor((L - L0) s(T))   for T < T_end,   L from T_end on,

    so that every schedule meets its budget exactly.

    Args:
        labels: budget of queries L.
        initial_fraction: L0 / L; C17 A.1 uses 0.25.
        end_env_steps: T_end, in env steps.
        share: s.
    """

    labels: int
    initial_fraction: float
    end_env_steps: int
    share: Share

    @property
    def initial_labels(self) -> int:
        """Queries asked about the untrained policy."""
        return initial_queries(self.labels, self.initial_fraction)

    def due(self, env_steps: int) -> int:
        """Queries that should have been asked after this many env steps, from the initial ones to the budget."""
        if env_steps >= self.end_env_steps:
            return self.labels
        return self.initial_labels + math.floor((self.labels - self.initial_labels) * self.share(env_steps))


def constant_share(end_env_steps: int) -> Share:
    """The same rate all along (Rahtz): s(T) = T / T_end."""
    return lambda env_steps: Fraction(env_steps, end_env_steps)


def hyperbolic_share(decay_env_steps: float, end_env_steps: int) -> Share:
    """A rate proportional to c / (T + c) (C17 A.1, A.2): s(T) = log(1 + T / c) / log(1 + T_end / c).

    Args:
        decay_env_steps: c, in env steps; the rate has halved by then.
        end_env_steps: T_end, in env steps.
    """
    return lambda env_steps: math.log1p(env_steps / decay_env_steps) / math.log1p(end_env_steps / decay_env_steps)


def inverse_quadratic_share(decay_env_steps: float, end_env_steps: int) -> Share:
    """A rate proportional to (c / (T + c))^2: s(T) = [T / (T + c)] / [T_end / (T_end + c)].

    `imitation` gives this name to 1 / (1 + t^2), with t from 0 to 1 over the training; that one falls more gently.

    Args:
        decay_env_steps: c, in env steps; the rate has fallen to a quarter by then.
        end_env_steps: T_end, in env steps.
    """
    decay = Fraction(decay_env_steps)
    whole = end_env_steps / (end_env_steps + decay)
    return lambda env_steps: env_steps / (env_steps + decay) / whole


def stepped_share(steps: Sequence[tuple[int, int]], labels: int, initial_labels: int) -> Share:
    """So many queries in all, by then: after `env_steps` of a step, its queries are due, and no more before the next.

    Args:
        steps: pairs (env steps, queries in all), both growing; those of no more than L0 queries add none.
        labels: budget of queries L.
        initial_labels: L0.
    """

    def share(env_steps: int) -> Fraction:
        due = max((queries for start, queries in steps if start <= env_steps), default=0)
        return Fraction(max(0, due - initial_labels), max(1, labels - initial_labels))

    return share
