"""Whether the environments of a run fit into the memory that it may take, asked before any of them is made."""

from collections.abc import Iterator

from rlhp_ray.config.free_memory import free_memory
from rlhp_ray.config.schema import RunConfig

DEFAULT_BATCH_STEPS = 4000  # of training.rllib.train_batch_size_per_learner, where a run does not set it
_BATCH_COPIES = 2  # step by step as they come, and put together for the learner
_MEGABYTE = 10**6


def memory_problems(
    config: RunConfig, *, game_bytes: int, observation_bytes: int, frame_stack: int | None
) -> Iterator[str]:
    """One line where what environments hold at the least is more than the memory that is free now.

        N (g + (c + k - 1) o / k + 2 o) + 2 B o,  N copies, clips of c steps, stacks of k frames, batches of B steps

    Networks, stored clips and Ray come on top: what passes here may still be too much.

    Args:
        config: of the run.
        game_bytes: g, of one copy of the game itself.
        observation_bytes: o, of one observation.
        frame_stack: k, None for observations that are no stacks.
    """
    runners = max(1, config.env.num_env_runners)
    frames = frame_stack or 1
    clip_bytes = (config.preferences.clip_steps + frames - 1) * observation_bytes // frames
    copy_bytes = game_bytes + clip_bytes + _BATCH_COPIES * observation_bytes
    batch_bytes = _BATCH_COPIES * batch_env_steps(config) * observation_bytes
    free, where = free_memory()
    needed = config.env.num_envs * runners * copy_bytes + batch_bytes
    if needed <= free:
        return
    room = (free - batch_bytes) // (runners * copy_bytes)
    of_runners = f" in each of {runners} env runners" if runners > 1 else ""
    problem = (
        f"env.num_envs: got {config.env.num_envs}{of_runners}, for which {_text(needed)} of memory are the least "
        f"({_text(copy_bytes)} a copy, {_text(batch_bytes)} for the steps of a batch), but {_text(free)} are free "
        f"{where}; "
    )
    if room < 1:
        yield problem + "not even one fits; lower training.rllib.train_batch_size_per_learner, or free memory"
    else:
        yield problem + f"expected at most {room}; lower env.num_envs{' or env.num_env_runners' if runners > 1 else ''}"


def batch_env_steps(config: RunConfig) -> int:
    """Env steps in one training iteration of one learner."""
    steps = config.training.rllib.get("train_batch_size_per_learner", DEFAULT_BATCH_STEPS)
    return steps if isinstance(steps, int) else DEFAULT_BATCH_STEPS


def _text(count: int) -> str:
    return f"{max(1, round(count / _MEGABYTE)):,} MB"
