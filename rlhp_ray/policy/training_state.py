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
    if training.loop is not None:
        (directory / "optimiser.pt").write_bytes(training.optimiser)
        pool, reference = training.loop.dump_clips()
        _save_clips(directory / POOL_FILE, pool)
        _save_clips(directory / REFERENCE_FILE, reference)
    counts = {
        "iteration": iteration,
        "env_steps": training.env_steps,
        "queries": training.queries,
        "labels": training.labels,
        "weight_changes": training.weight_changes,
        "last_round_env_steps": training.last_round_env_steps,
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
        if training.loop is not None and training.actors is not None:
            has_reference = (directory / REFERENCE_FILE).exists()  # not in one of before: then later clips serve
            reference = _load_clips(directory / REFERENCE_FILE) if has_reference else []
            training.loop.restore_clips(_load_clips(directory / POOL_FILE), reference)
            before_query = None if take_all_labels else counts["queries"]
            training.optimiser = (directory / "optimiser.pt").read_bytes()
            buffer, learner = training.actors.buffer, training.actors.learner
            ray.get(learner.restore.remote(published, training.optimiser))
            answered = replay_labels(buffer, learner, before_query)
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
