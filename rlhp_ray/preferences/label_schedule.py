"""How many queries are due after how many env steps (C17 A.1, A.2)."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class HyperbolicSchedule:
    """A first share from the untrained policy, then a rate proportional to `c / (T + c)` (C17 A.1).

    With L labels in all, L0 of them at first, and c = `decay_env_steps`, the number due after T env steps is

        n(T) = L0 + (L - L0) * log(1 + T / c) / log(1 + T_end / c),

    the integral of the rate, scaled so that the budget is met exactly at `T_end`.

    Args:
        labels: budget of queries L.
        initial_fraction: L0 / L; C17 A.1 uses 0.25.
        decay_env_steps: c, in env steps.
        end_env_steps: T_end, in env steps.
    """

    labels: int
    initial_fraction: float
    decay_env_steps: float
    end_env_steps: int

    @property
    def initial_labels(self) -> int:
        """Queries asked about the untrained policy."""
        exact = round(self.initial_fraction * self.labels, 9)  # 0.07 * 100 is a little more than 7 in floating point
        return min(self.labels, math.ceil(exact))

    def due(self, env_steps: int) -> int:
        """Queries that should have been asked after this many env steps, from the initial ones to the budget."""
        if env_steps >= self.end_env_steps:
            return self.labels
        progress = math.log1p(env_steps / self.decay_env_steps) / math.log1p(self.end_env_steps / self.decay_env_steps)
        return self.initial_labels + math.floor((self.labels - self.initial_labels) * progress)


SCHEDULES = {"hyperbolic": HyperbolicSchedule}
