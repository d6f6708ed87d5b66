"""How the untrained policy is rolled out for the first queries: how far, and from how many starts."""

INITIAL_CLIPS_PER_QUERY = 2  # so that the first pairs need not share clips
STINT_CLIPS = 2  # length of the untrained policy's short rollouts


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
