"""The part of a checkpoint that RLlib does not know: reward with optimiser, clip pool, counts (design 11)."""

import json
from pathlib import Path

import numpy as np
import ray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from rlhp_ray.actors.preference_loop import replay_labels
from rlhp_ray.errors import CheckpointError
from rlhp_ray.policy.preference_training import PreferenceTraining
from rlhp_ray.reward.inference import load_reward, save_reward

STATE_DIRECTORY = "preference_training"
POOL_FILE, REFERENCE_FILE = "clip_pool.safetensors", "reference_clips.safetensors"


def save_training(checkpoint: Path, training: PreferenceTraining, iteration: int, train_seconds: float) -> None:
    """Write the state, as of the last round taken up, into the checkpoint."""
    directory = checkpoint / STATE_DIRECTORY
    directory.mkdir()
    save_reward(directory, training.spec, training.published, env_id="")
    if training.buffer is not None and training.learner is not None:
        (directory / "optimiser.pt").write_bytes(training.optimiser)
        _save_clips(directory / POOL_FILE, ray.get(training.buffer.dump_pool.remote()))
        _save_clips(directory / REFERENCE_FILE, ray.get(training.buffer.dump_reference.remote()))
    counts = {
        "iteration": iteration,
        "env_steps": training.env_steps,
        "queries": training.queries,
        "labels": training.labels,
        "weight_changes": training.weight_changes,
        "started": training.started,
        "train_seconds": train_seconds,
        "metrics": training.metrics,
        "diagnostics": training.diagnostics.state(),
    }
    (directory / "counts.json").write_text(json.dumps(counts))


def checkpoint_iteration(checkpoint: Path) -> int:
    """The training iteration after which a checkpoint was made. Raises CheckpointError when it cannot be read."""
    try:
        return int(json.loads((checkpoint / STATE_DIRECTORY / "counts.json").read_text())["iteration"])
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{checkpoint} is truncated or not a checkpoint ({error}); use an earlier one") from error


def restore_training(checkpoint: Path, training: PreferenceTraining, take_all_labels: bool) -> tuple[int, float]:
    """Take up the state of a checkpoint.

    Args:
        checkpoint: its directory.
        training: is changed in place.
        take_all_labels: count every label on disk, also those given after the checkpoint (async mode); else only those
            before it, and later ones are found again when their queries are repeated (sync mode).

    Returns:
        Iteration and train seconds of the checkpoint.

    Raises:
        CheckpointError: files are missing or damaged.
    """
    directory = checkpoint / STATE_DIRECTORY
    try:
        counts = json.loads((directory / "counts.json").read_text())
        published = load_reward(directory).ensemble.published()
        if training.buffer is not None and training.learner is not None:
            ray.get(training.buffer.restore_pool.remote(_load_clips(directory / POOL_FILE)))
            if (directory / REFERENCE_FILE).exists():  # a checkpoint of before has none: then later clips serve
                ray.get(training.buffer.restore_reference.remote(_load_clips(directory / REFERENCE_FILE)))
            before_query = None if take_all_labels else counts["queries"]
            training.optimiser = (directory / "optimiser.pt").read_bytes()
            ray.get(training.learner.restore.remote(published, training.optimiser))
            answered = replay_labels(training.buffer, training.learner, before_query)
            counts |= {"queries": answered.queries, "labels": answered.new_labels}
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise CheckpointError(f"{checkpoint} is truncated or not a checkpoint ({error}); use an earlier one") from error
    training.restore(published, counts)
    return counts["iteration"], counts["train_seconds"]


def _save_clips(path: Path, packed_clips: list[bytes]) -> None:
    lengths = np.array([len(packed) for packed in packed_clips], np.int64)
    save_file({"bytes": np.frombuffer(b"".join(packed_clips), np.uint8), "lengths": lengths}, path)


def _load_clips(path: Path) -> list[bytes]:
    tensors = load_file(path)
    ends = np.cumsum(tensors["lengths"])
    whole = tensors["bytes"].tobytes()
    return [whole[end - length : end] for end, length in zip(ends, tensors["lengths"], strict=True)]
