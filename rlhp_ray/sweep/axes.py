"""Overrides that stand for several values: `section.field={grid: [...]}`, a choice, or a distribution."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlhp_ray.config.field_guide import closest

_RANGE = "two numbers [low, high], low < high"
_LIST = "a list of one or more different values"
EXPECTED = {  # by kind: what its argument has to be
    "grid": _LIST,
    "choice": _LIST,
    "uniform": _RANGE,
    "loguniform": f"{_RANGE}, both above 0",
    "randint": f"{_RANGE}, both whole; high itself is never drawn",
}
_FARTHEST = {"uniform": 1e300, "loguniform": 1e300, "randint": 2**62}  # that can be drawn between; NaN is not within


@dataclass(frozen=True)
class Axis:
    """One field of a configuration that takes several values.

    Args:
        key: dotted, as `training.rllib.lr`.
        kind: `grid`, each value in turn; `choice`, one of them at random; or the distribution that is drawn from:
            `uniform`, `loguniform`, `randint`, the last without its upper end.
        values: of a grid or choice, or the two ends of a distribution.
    """

    key: str
    kind: str
    values: tuple[Any, ...]

    @property
    def is_random(self) -> bool:
        """Whether its value is drawn, once for each sample."""
        return self.kind != "grid"

    def draw(self, rng: np.random.Generator) -> Any:
        """One value of a random axis."""
        if self.kind == "choice":
            return self.values[int(rng.integers(len(self.values)))]
        low, high = self.values
        if self.kind == "randint":
            return int(rng.integers(low, high))
        if self.kind == "loguniform":
            return math.exp(rng.uniform(math.log(low), math.log(high)))
        return float(rng.uniform(low, high))


def parse_axis(key: str, value: Any) -> Axis | None:
    """The axis that an override's value describes, or None where it is one plain value.

    Raises:
        ValueError: it looks like an axis, but its kind is unknown or its values do not fit.
    """
    if not (isinstance(value, dict) and len(value) == 1):
        return None
    kind, argument = next(iter(value.items()))
    if kind not in EXPECTED:
        raise ValueError(f"got {kind!r}, expected one of {', '.join(EXPECTED)}{closest(str(kind), EXPECTED)}")
    if not _fits(kind, argument):
        raise ValueError(f"{kind}: got {argument!r}, expected {EXPECTED[kind]}")
    return Axis(key, kind, tuple(argument))


def _fits(kind: str, argument: Any) -> bool:
    if not isinstance(argument, list):
        return False
    if EXPECTED[kind] == _LIST:
        return bool(argument) and all(value not in argument[:index] for index, value in enumerate(argument))
    types = int if kind == "randint" else (int, float)
    if len(argument) != 2 or not all(isinstance(end, types) and not isinstance(end, bool) for end in argument):
        return False
    low, high = argument
    return all(abs(end) <= _FARTHEST[kind] for end in argument) and low < high and (kind != "loguniform" or low > 0)


def combine(axes: tuple[Axis, ...], samples: int, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Values by key of every setting: the product of all grids, each with `samples` draws of the random axes."""
    grids = [axis for axis in axes if not axis.is_random]
    drawn = [axis for axis in axes if axis.is_random]
    for values in itertools.product(*(axis.values for axis in grids)):
        setting = dict(zip((axis.key for axis in grids), values, strict=True))
        for _ in range(samples if drawn else 1):
            yield {axis.key: axis.draw(rng) if axis in drawn else setting[axis.key] for axis in axes}
