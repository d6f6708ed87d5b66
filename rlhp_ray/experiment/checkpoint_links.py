"""Tune callback that keeps `checkpoints/last` and `checkpoints/best` pointing at whole checkpoints."""

import os
import shutil
from pathlib import Path
from typing import Any

from ray.tune import Callback

from rlhp_ray import metric_keys as keys
from rlhp_ray.errors import CheckpointError
from rlhp_ray.experiment.run_archive import RunArchive


class CheckpointLinks(Callback):
    """Moves the links after Tune has stored a checkpoint whole, so that a half-written one is never picked up.

    `best` has the highest true return in the interim evaluation. It is a convenience: summaries are about `last`, since
    choosing by the true return is something that a run with people cannot do.

    Args:
        archive: of the run.
        best: highest true return of earlier sessions, -infinity without any.
    """

    def __init__(self, archive: RunArchive, best: float) -> None:
        self._archive = archive
        self._best = best
        self._latest_return: float | None = None

    def on_trial_result(self, iteration: int, trials: list, trial: Any, result: dict, **info: Any) -> None:
        self._latest_return = result[keys.METRICS].get(keys.EVALUATION_RETURN)

    def on_checkpoint(self, iteration: int, trials: list, trial: Any, checkpoint: Any, **info: Any) -> None:
        target = Path(checkpoint.path)
        _point(self._archive.checkpoints_dir / "last", target)
        if self._latest_return is not None and self._latest_return >= self._best:
            self._best = self._latest_return
            _point(self._archive.checkpoints_dir / "best", target)
        self._remove_those_of_earlier_sessions(target.parent)

    def _remove_those_of_earlier_sessions(self, newest: Path) -> None:
        """Tune keeps those of its own session few, and knows of no other; what a link points at stays."""
        linked = {link.resolve() for link in self._archive.checkpoints_dir.iterdir() if link.is_symlink()}
        for checkpoint in newest.parents[1].glob(f"*/{newest.name}/checkpoint_*"):
            if checkpoint.parent != newest and checkpoint.resolve() not in linked:
                shutil.rmtree(checkpoint, ignore_errors=True)


def last_checkpoint(archive: RunArchive) -> Path | None:
    """The newest whole checkpoint, or None where none was stored yet. Raises CheckpointError where it is gone."""
    link = archive.checkpoints_dir / "last"
    if not link.is_symlink():
        return None
    if not link.exists():
        raise CheckpointError(f"{link} points at {os.readlink(link)}, which is gone. Restore it, or start a new run.")
    return link.resolve()


def _point(link: Path, target: Path) -> None:
    """Replace the link in one step; relative, so that the run directory can be moved."""
    temporary = link.with_name(f".{link.name}.new")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(os.path.relpath(target, link.parent))
    os.replace(temporary, link)
