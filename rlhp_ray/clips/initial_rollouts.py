"""How the untrained policy is rolled out for the first queries: how far, and from how many starts."""

import math

from rlhp_ray.config.schema import RunConfig

INITIAL_CLIPS_PER_QUERY = 2  # so that the first pairs need not share clips
STINT_CLIPS = 2  # length of the untrained policy's short rollouts
LARGEST_INITIAL_SHARE = 0.2  # of the run's env steps


def initial_env_steps(config: RunConfig, initial_queries: int, batch_env_steps: int) -> int:
    """Enough clips for the initial queries, in whole training batches, so that the run ends at its budget.

    Args:
        config: of the run.
        initial_queries: asked about these clips.
        batch_env_steps: env steps in one training iteration.
    """
    wanted = max(2, INITIAL_CLIPS_PER_QUERY * initial_queries) * config.preferences.clip_steps
    most = math.ceil(LARGEST_INITIAL_SHARE * config.training.env_steps)
    least = config.env.num_envs * config.preferences.clip_steps
    return math.ceil(max(least, min(wanted, most)) / batch_env_steps) * batch_env_steps


def rollout_env_steps(env_steps: int, stint_env_steps: int) -> list[int]:
    """Env steps of each rollout; every one begins with a reset of all environments.

    The first half is short stints, so that clips begin from many starts; the second half is one rollout in which
    episodes run on, so that states far from any start are seen too.

    Args:
        env_steps: in all, over all environments.
        stint_env_steps: of one stint, over all environments.
    """
    stints = env_steps // 2 // stint_env_steps
    return [stint_env_steps] * stints + [env_steps - stints * stint_env_steps]
