"""A condition of a run that should not be, and what one look at the metrics says of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from rlhp_ray import metric_keys as keys

Row = Mapping[str, float]
"""The finite metrics of one training iteration by their keys; what was not measured is missing."""


def condition_name(key: str) -> str:
    """Of the condition whose metric has this key: `entropy collapse`."""
    return key.removeprefix(f"{keys.UNHEALTHY}_").replace("_", " ")


@dataclass(frozen=True)
class Condition:
    """What can be wrong.

    Args:
        key: of the metric that is 1 while it holds.
        healthy: what is expected instead.
        advice: what to do.
        is_announced: whether somebody else says when it begins.
    """

    key: str
    healthy: str
    advice: str
    is_announced: bool = False

    @property
    def name(self) -> str:
        """`entropy collapse`."""
        return condition_name(self.key)


@dataclass(frozen=True)
class Reading:
    """One look.

    Args:
        is_sick: whether the condition is met in this iteration.
        seen: what the metrics say, in a phrase.
    """

    is_sick: bool
    seen: str


class Watch(Protocol):
    """Looks for one condition; it keeps no more than a bounded part of the rows."""

    condition: Condition

    def read(self, row: Row) -> Reading | None:
        """Take in the next row; None where it cannot tell."""
