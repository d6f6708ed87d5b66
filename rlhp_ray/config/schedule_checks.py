"""Checks across the keys of the label schedule: what makes no sense together."""

import itertools
from collections.abc import Iterator

from rlhp_ray.config.schema import PreferencesConfig

DECAYING = ("hyperbolic", "inverse_quadratic")


def schedule_problems(preferences: PreferencesConfig, env_steps: int) -> Iterator[str]:
    """One line for every contradiction. Functions are not imported here: that may take long.

    Args:
        preferences: the section.
        env_steps: length of the training.
    """
    schedule, steps = preferences.schedule, preferences.schedule_steps
    if preferences.decay_env_steps is not None and schedule not in DECAYING:
        yield (
            f"preferences.decay_env_steps: got {preferences.decay_env_steps} with preferences.schedule {schedule}, "
            f"whose rate does not decay by it; expected null; leave it out, or set preferences.schedule={DECAYING[0]}"
        )
    if schedule == "stepped" and steps is None:
        yield (
            "preferences.schedule_steps: got null with preferences.schedule stepped; expected pairs of env steps and "
            "queries in all by then, for example preferences.schedule_steps=[[20000,150],[60000,250]]"
        )
    if steps is None:
        return
    if schedule != "stepped":
        yield (
            f"preferences.schedule_steps: got {_text(steps)} with preferences.schedule {schedule}; expected null; "
            "leave it out, or set preferences.schedule=stepped"
        )
        return
    yield from _step_problems(steps, preferences.labels, env_steps)


def _step_problems(steps: tuple[tuple[int, int], ...], labels: int, env_steps: int) -> Iterator[str]:
    for before, after in itertools.pairwise(steps):
        if not (after[0] > before[0] and after[1] > before[1]):
            yield (
                f"preferences.schedule_steps: got {list(after)} after {list(before)}; expected env steps and queries "
                "that both grow from pair to pair; queries are counted from the start of the run"
            )
            return
    last_env_steps, last_queries = steps[-1]
    if last_queries > labels:
        yield (
            f"preferences.schedule_steps: got {last_queries} queries by env step {last_env_steps}, more than the "
            f"budget; expected at most preferences.labels, {labels}; lower them or raise preferences.labels"
        )
    if last_env_steps >= env_steps:
        yield (
            f"preferences.schedule_steps: got a step at env step {last_env_steps}, which is never reached; expected "
            f"less than training.env_steps, {env_steps}; lower it or raise training.env_steps"
        )


def _text(steps: tuple[tuple[int, int], ...]) -> str:
    return str([list(step) for step in steps])
