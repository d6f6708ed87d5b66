"""How far a run may go ahead of the people who answer its queries."""

import time
from collections.abc import Callable

MAX_BEHIND = 10  # answers that may be missing while the policy goes on: a few, so that nobody waits for the other


class PeoplePace:
    """Holds the policy while more than MAX_BEHIND of the queries that are due lack an answer.

    It is held no longer than the people's patience with it: when nobody answered for so long, the run goes on with the
    labels it has. Without any label there is nothing to go on with.

    Args:
        patience_seconds: on the wall, since the last answer.
        clock: seconds.
    """

    def __init__(self, patience_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._answered = 0
        self._since = clock()

    def holds(self, due: int, answered: int, max_behind: int = MAX_BEHIND) -> bool:
        """Whether the policy has to wait.

        Args:
            due: queries that should have been answered by now.
            answered: queries that were.
            max_behind: of them that may be missing.
        """
        if answered > self._answered:
            self._answered, self._since = answered, self._clock()
        if due - answered <= max_behind:
            return False
        return answered == 0 or self._clock() - self._since <= self._patience_seconds
