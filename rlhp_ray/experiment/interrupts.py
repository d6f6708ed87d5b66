"""Ctrl-C once ends a run after a checkpoint; twice ends it at once."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType

from ray.tune import Stopper


class InterruptStopper(Stopper):
    """Tune stops each trial, with a checkpoint, at its next result once `requested` is set.

    `awaits_none` is set when all trials that were at work then have stopped: others, which Tune had started in their
    place meanwhile, are stopped as they are.
    """

    def __init__(self) -> None:
        self.requested = False
        self.awaits_none = False

    def __call__(self, trial_id: str, result: dict) -> bool:
        return self.requested

    def stop_all(self) -> bool:
        return self.awaits_none


@contextlib.contextmanager
def interrupt_once(stopper: InterruptStopper) -> Iterator[None]:
    """While the context lasts, the first SIGINT or SIGTERM asks for a stop; the second one acts as usual."""
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: FrameType | None) -> None:
        stopper.requested = True
        for each, handler in usual.items():
            signal.signal(each, handler)
        print("\nstopping after this iteration, with a checkpoint; again to stop at once", file=sys.stderr, flush=True)

    for number in usual:
        signal.signal(number, ask)
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
