"""Finding the inference export that a path means, and a free place for the video of it."""

import itertools
import os
from dataclasses import dataclass
from pathlib import Path

from rlhp_ray.errors import ArchiveError, CheckpointError, ConfigError

CHECKPOINT_NAMES = ("best", "last")
"""Checkpoints of a run, in order of preference."""
POLICY_FILE = "policy.json"
REWARD_FILE = "reward.json"


@dataclass(frozen=True)
class CheckpointLocation:
    """Where a checkpoint lies: its name, its export (policy and reward files) and the default folder for videos."""

    name: str
    inference_dir: Path
    video_dir: Path

    @property
    def has_reward(self) -> bool:
        """Whether a learnt reward was saved; a run on the true reward has none."""
        return (self.inference_dir / REWARD_FILE).exists()


def locate_checkpoint(path: Path) -> CheckpointLocation:
    """The checkpoint that `path` means.

    Args:
        path: a run directory (its `best` checkpoint, else its `last`), a checkpoint, or an `inference` folder.

    Raises:
        CheckpointError: none of the three.
    """
    path = Path(os.path.abspath(path))
    if not path.exists():
        raise CheckpointError(f"{path} does not exist. Expected a run directory or a checkpoint directory.")
    for checkpoint in (*(path / "checkpoints" / name for name in CHECKPOINT_NAMES), path):
        inference_dir = checkpoint / "inference"
        if (inference_dir / POLICY_FILE).is_file():
            return CheckpointLocation(checkpoint.name, inference_dir, _video_dir(checkpoint))
    if (path / POLICY_FILE).is_file():
        checkpoint = path.parent if path.name == "inference" else path
        return CheckpointLocation(checkpoint.name, path, _video_dir(checkpoint))
    raise CheckpointError(
        f"{path} holds no checkpoint. Looked for checkpoints/best/inference/{POLICY_FILE} and checkpoints/last/... "
        f"(a run directory), inference/{POLICY_FILE} (a checkpoint) and {POLICY_FILE} (an inference folder)."
    )


def _video_dir(checkpoint: Path) -> Path:
    """`RUN/videos` for a checkpoint inside a run, otherwise the folder that the checkpoint lies in."""
    run = checkpoint.parent.parent
    inside_run = checkpoint.parent.name == "checkpoints" and (run / "config.yaml").is_file()
    return run / "videos" if inside_run else checkpoint.parent


def reserve_video_file(wanted: Path) -> Path:
    """Creates an empty file `wanted`, or `wanted` with the next free number; what exists is never overwritten.

    Raises:
        ConfigError: the name does not end in .mp4.
        ArchiveError: the folder cannot be written.
    """
    if wanted.suffix.lower() != ".mp4":
        raise ConfigError(f"The video {wanted} must end in .mp4; other formats are not written.")
    try:
        wanted.parent.mkdir(parents=True, exist_ok=True)
        for number in itertools.count(1):
            file = wanted if number == 1 else wanted.with_stem(f"{wanted.stem}-{number}")
            try:
                file.touch(exist_ok=False)
            except FileExistsError:
                continue
            return file
    except OSError as error:
        raise ArchiveError(
            f"Cannot write the video {wanted}: {error.strerror or error}. Choose another place for the output."
        ) from error
    raise AssertionError("unreachable: the numbers do not end")
