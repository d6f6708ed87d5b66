"""Memory, disk, cores and devices."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from rlhp_ray.checks.check_context import CheckContext
from rlhp_ray.checks.finding import Finding, Severity
from rlhp_ray.checks.run_plan import asks, setting
from rlhp_ray.experiment.archive_files import MIN_FREE_BYTES
from rlhp_ray.experiment.ray_session import MIN_CPUS
from rlhp_ray.policy.gpu_choice import policy_gpus, reward_gpus, trains_on_gpu

PROCESS_BYTES = 5 * 10**8  # of driver, trial, buffer, learner, each env runner: 370 to 600 MB were measured
PROCESSES = 4
BATCH_COPIES = 8  # in the trial: 6 to 15 were measured on pixels
LABEL_COPIES = 2  # in the learner: as they came, and put together
RUN_BYTES = 3 * 10**7  # code, TensorBoard, curve, video, networks
CHECKPOINTS = 3  # the best, the last, and a new one before an old one goes; each holds the pool
SAMPLED_CLIPS = 20


def memory_is_short(context: CheckContext) -> Iterator[Finding]:
    """What buffers, environments and processes hold at their fullest, against what is free now."""
    config, plan, description = context.config, context.plan, context.description
    raw, packed = clip_bytes(context)
    runners = config.env.num_env_runners
    parts = {
        "processes": PROCESS_BYTES * (PROCESSES + runners),
        "environments": plan.copies * (description.game_bytes + raw),
        "batches": BATCH_COPIES * plan.batch_env_steps * description.observation_bytes,
    }
    if asks(config):
        window = config.preferences.window
        labels = config.preferences.labels if window is None else min(window, config.preferences.labels)
        parts["labels that are fitted to (preferences.window)"] = LABEL_COPIES * 2 * labels * raw
        recorded = config.training.env_steps // config.preferences.clip_steps
        parts["clips to ask about (preferences.pool_clips)"] = min(config.preferences.pool_clips, recorded) * packed
    needed = sum(parts.values())
    if needed > context.machine.memory_bytes:
        largest = max(parts, key=lambda name: parts[name])
        yield Finding(
            f"about {_size(needed)} of memory will be needed, {_size(parts[largest])} of them for {largest}; "
            f"{_size(context.machine.memory_bytes)} are free.",
            "the system kills a process when memory is out, often after hours.",
            "lower what takes most, or free memory.",
        )


def disk_is_short(context: CheckContext) -> Iterator[Finding]:
    """What the archive will hold, against what is free where it is written."""
    config = context.config
    needed = RUN_BYTES
    if asks(config):
        _, packed = clip_bytes(context)
        recorded = config.training.env_steps // config.preferences.clip_steps
        pool = min(config.preferences.pool_clips, recorded)
        needed += packed * (2 * config.preferences.labels + CHECKPOINTS * pool)
    if needed + MIN_FREE_BYTES > context.machine.disk_bytes:
        yield Finding(
            f"the run will write about {_size(needed)} into {config.output_dir}, where "
            f"{_size(context.machine.disk_bytes)} are free.",
            "a run whose disk is full loses labels and checkpoints.",
            "free some, set output_dir to another disk, or lower preferences.pool_clips.",
        )


def clip_bytes(context: CheckContext) -> tuple[int, int]:
    """Memory of a clip as it is fitted to, and as it is stored: measured where clips were seen."""
    config, description = context.config, context.description
    frames = description.frame_stack or 1
    raw = (config.preferences.clip_steps + frames - 1) * description.observation_bytes // frames
    seen = context.rollout.clips[:SAMPLED_CLIPS]
    return raw, int(np.mean([len(clip.to_bytes()) for clip in seen])) if seen else raw


def cores_are_short(context: CheckContext) -> Iterator[Finding]:
    """More processes or threads at work than cores."""
    runners, machine = context.config.env.num_env_runners, context.machine
    if runners + 1 > max(machine.cores, MIN_CPUS):
        yield Finding(
            f"{runners} env runners and the reward learner work at once, on {machine.cores} cores.",
            "they take turns, which is slower than fewer of them.",
            f"set env.num_env_runners to {max(0, machine.cores - 1)} or less, and raise env.num_envs instead.",
        )
    if machine.threads > machine.cores:
        yield Finding(
            f"OMP_NUM_THREADS is {machine.threads}, on {machine.cores} cores; every process of the run takes so many.",
            "threads that outnumber cores slow each other many times over.",
            "unset it: a run then sets it to 1.",
        )


def ray_can_never_place_it(context: CheckContext) -> Iterator[Finding]:
    """CPUs or GPUs asked of Ray that this machine does not have, for which a run waits for ever."""
    config, machine = context.config, context.machine

    def asked(name: str, default: float) -> float:
        value: Any = setting(config, name)
        return default if not isinstance(value, int | float) else float(value)

    learners, runners = asked("num_learners", 0), config.env.num_env_runners
    gpus = max(1.0, learners) * asked("num_gpus_per_learner", policy_gpus(config)) + reward_gpus(config)
    gpus += runners * asked("num_gpus_per_env_runner", 0)
    cpus = 1 + runners * asked("num_cpus_per_env_runner", 1) + learners * max(0, asked("num_cpus_per_learner", 1))
    cpus += context.learns_preferences
    given = max(MIN_CPUS + runners, machine.cores)
    wrong = [f"{gpus:g} GPUs of {len(machine.gpus)}"] if gpus > len(machine.gpus) else []
    wrong += [f"{cpus:g} CPUs of {given}"] if cpus > given else []
    if wrong:
        yield Finding(
            f"the run asks Ray for {' and '.join(wrong)}.",
            "Ray waits for them, and they never come: the run hangs.",
            "set device=cpu, or lower num_learners and the num_cpus_per_... and num_gpus_per_... in training.rllib.",
        )


def gpu_is_idle(context: CheckContext) -> Iterator[Finding]:
    """A GPU that a run does not use."""
    if context.machine.gpus and not trains_on_gpu(context.config):
        yield Finding(
            f"this machine has a GPU ({context.machine.gpus[0]}), which the run does not use.",
            "small networks on vectors are as fast on a CPU; frames, or PyTorch's build for the CPU, are not.",
            "set device=cuda where networks are large, and install PyTorch's CUDA build.",
            Severity.NOTE,
        )


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"
