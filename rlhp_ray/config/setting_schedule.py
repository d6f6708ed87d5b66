"""Settings of RLlib's that may be a schedule over env steps."""

from typing import Any


def scheduled(value: Any) -> list[tuple[int, float]]:
    """A setting that may be a schedule, as pairs (env steps, value); empty where it is neither number nor schedule."""
    if isinstance(value, int | float):
        return [(0, float(value))]
    if not isinstance(value, list | tuple):
        return []
    pairs = [pair for pair in value if isinstance(pair, list | tuple) and len(pair) == 2]
    return [(int(when), float(what)) for when, what in pairs if isinstance(when, int) and isinstance(what, int | float)]
