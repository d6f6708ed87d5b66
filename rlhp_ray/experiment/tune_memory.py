"""Keeps the memory of a command flat that calls `tune.run`, however many iterations its trials take.

Ray 2.60 (`ray/air/execution/_internal/actor_manager.py`) adds the future of every call to a trial to a set that it
empties only when the trial ends, so that the result of every iteration stays in memory: some 20 kB of each.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from ray.air.execution._internal import RayActorManager, TrackedActor
from ray.tune.execution import tune_controller


class LetGoOfResults(RayActorManager):
    """Forgets the calls to an actor whose results were handed out, before it calls the actor again."""

    def schedule_actor_task(self, tracked_actor: TrackedActor, *arguments: Any, **keywords: Any) -> Any:
        futures = self._tracked_actors_to_task_futures.get(tracked_actor)
        if futures is not None:
            futures &= self._actor_task_events.get_futures()
        return super().schedule_actor_task(tracked_actor, *arguments, **keywords)


@contextlib.contextmanager
def results_let_go() -> Iterator[None]:
    """While the context lasts, `tune.run` keeps no result of an iteration that it has passed on."""
    usual = tune_controller.RayActorManager
    tune_controller.RayActorManager = LetGoOfResults  # type: ignore[misc]  # there is no other way to name one
    try:
        yield
    finally:
        tune_controller.RayActorManager = usual  # type: ignore[misc]
