"""The one PreferenceBuffer of a sweep whose trials share their answers; its database lies in the sweep's directory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ray

from rlhp_ray.actors.placement import create_preference_buffer
from rlhp_ray.envs.registry import describe_env
from rlhp_ray.reward.run_ensemble import ensemble_spec
from rlhp_ray.sweep.sharing import config_of_all
from rlhp_ray.sweep.sweep_file import Sweep


@contextmanager
def shared_buffer(directory: Path, sweep: Sweep) -> Iterator[str | None]:
    """The name of the buffer, which is up meanwhile; None where each trial has its own.

    This process, the driver, owns it, so that it ends with the driver however that ends.

    Raises:
        RayActorError: from a PreferenceStoreError or TeacherError that tells what is wrong.
    """
    config = config_of_all(sweep)
    if not config.shares_preferences:
        yield None
        return
    description = describe_env(config.env.id, frame_skip=config.env.frame_skip)
    name = f"PreferenceBuffer:{directory.name}"
    buffer = create_preference_buffer(config, ensemble_spec(config, description), directory, name)
    try:
        yield name
    finally:
        ray.kill(buffer)
