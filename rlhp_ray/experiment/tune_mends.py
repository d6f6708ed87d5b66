"""What of Ray Tune 2.60 does not hold for long runs, mended while `tune.run` is called.

Both are in `ray/air/execution/_internal/actor_manager.py`:

- The future of every call to a trial is added to a set that is emptied only when the trial ends, so that the result of
  every iteration stays in memory: some 20 kB of each.
- A trial that Ray's memory monitor killed raises `OutOfMemoryError`, which is not taken for the loss of an actor: it
  ends `tune.run`, and all other trials with it. So does whatever else of Ray's own comes in place of a result.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from ray.air.execution._internal import RayActorManager, TrackedActor
from ray.air.execution._internal.tracked_actor_task import TrackedActorTask
from ray.exceptions import OutOfMemoryError, RayActorError, RayError, RayTaskError
from ray.tune.execution import tune_controller


class TrialOutOfMemoryError(RayActorError):
    """Ray's memory monitor killed the process of a trial; the text is Ray's, with who took the memory."""


class MendedActorManager(RayActorManager):
    """Forgets calls whose results were handed out, before it calls an actor again; outlives trials that Ray killed."""

    def schedule_actor_task(self, tracked_actor: TrackedActor, *arguments: Any, **keywords: Any) -> Any:
        futures = self._tracked_actors_to_task_futures.get(tracked_actor)
        if futures is not None:
            futures &= self._actor_task_events.get_futures()
        return super().schedule_actor_task(tracked_actor, *arguments, **keywords)

    def _actor_start_failed(self, tracked_actor: TrackedActor, exception: Exception) -> None:
        super()._actor_start_failed(tracked_actor, _as_loss(exception))

    def _actor_task_failed(self, tracked_actor_task: TrackedActorTask, exception: Exception) -> None:
        super()._actor_task_failed(tracked_actor_task, _as_loss(exception))


def _as_loss(exception: Exception) -> Exception:
    """The loss of an actor in place of all of Ray's errors that are neither that nor the trial's own."""
    if isinstance(exception, RayActorError | RayTaskError) or not isinstance(exception, RayError):
        return exception
    loss = TrialOutOfMemoryError if isinstance(exception, OutOfMemoryError) else RayActorError
    return loss(error_msg=str(exception))


@contextlib.contextmanager
def mended_tune() -> Iterator[None]:
    """While the context lasts, `tune.run` keeps no result it has passed on, and outlives trials that Ray killed."""
    usual = tune_controller.RayActorManager
    tune_controller.RayActorManager = MendedActorManager  # type: ignore[misc]  # there is no other way to name one
    try:
        yield
    finally:
        tune_controller.RayActorManager = usual  # type: ignore[misc]
