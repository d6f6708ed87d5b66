"""Whether there is anything to choose."""

from collections.abc import Iterator

import numpy as np
from gymnasium.spaces import Box, Discrete

from rlhp_ray.checks.check_context import CheckContext
from rlhp_ray.checks.finding import Finding, Severity

MANY_ACTIONS = 100  # ours
WIDE_ACTIONS = 1000.0  # ours


def nothing_to_choose(context: CheckContext) -> Iterator[Finding]:
    """One action, or entries of an action without room between their bounds."""
    space = context.description.action_space
    if isinstance(space, Discrete):
        is_fixed, shown = int(space.n) == 1, "has one action"
    else:
        is_fixed, shown = widest(space) == 0, f"has actions between {space.low} and {space.high}"
    if is_fixed:
        yield Finding(
            f"{context.config.env.id} {shown}.",
            "where nothing can be chosen, nothing can be learnt.",
            "look at the environment's action space.",
        )


def actions_are_unwieldy(context: CheckContext) -> Iterator[Finding]:
    """Very many actions, or very wide ones."""
    space = context.description.action_space
    if isinstance(space, Discrete) and int(space.n) > MANY_ACTIONS:
        seen = f"{space.n} actions"
        why = "an untrained policy tries each of them seldom, and the predictor has an input for each."
    elif isinstance(space, Box) and widest(space) > WIDE_ACTIONS:
        seen = f"actions between {space.low.min():g} and {space.high.max():g}"
        why = "an untrained policy acts over the whole range, which may be far more than is ever of use."
    else:
        return
    yield Finding(f"{context.config.env.id} has {seen}.", why, "narrow them in a wrapper.", Severity.NOTE)


def widest(space: Box) -> float:
    """Largest distance between the bounds of an entry."""
    return float(np.subtract(space.high, space.low).max())
