"""`failures.json`: what failed in a run so far, by kind, what of it was got over, and the time that was lost by it."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlhp_ray.errors import (
    ActorLostError,
    ArchiveError,
    LabellingStorageError,
    PreferenceStoreError,
    RewardDataError,
    TrainingDivergedError,
)
from rlhp_ray.experiment.archive_files import archive_errors, write_durably

FAILURES_FILE = "failures.json"
DRIVER, STORAGE, OTHER = "driver", "storage", "other"
_KINDS = {
    "not_finite": (RewardDataError, TrainingDivergedError),
    STORAGE: (PreferenceStoreError, LabellingStorageError, ArchiveError, OSError),
    "memory": (MemoryError, "OutOfMemoryError", "TrialOutOfMemoryError"),
    "process": (ActorLostError, "RayActorError", "ActorDiedError"),
}


def failure_kind(error: BaseException | str) -> str:
    """Of the error that ended a session, or of the text of its traceback.

    Returns:
        `not_finite`, `storage`, `memory`, `process` or `other`.
    """
    if isinstance(error, str):
        names = re.findall(r"^(?:[\w.]+\.)?(\w+)(?=: |\n|$)", error, re.MULTILINE)
    else:
        names = [each.__name__ for each in type(error).__mro__]
    for name in reversed(names) if isinstance(error, str) else names:
        for kind, classes in _KINDS.items():
            if name in (each if isinstance(each, str) else each.__name__ for each in classes):
                return kind
    return OTHER


class FailureRecord:
    """Counts failures over all sessions of a run.

    Args:
        directory: of the run. The file is replaced in one step at every change; where nothing failed there is none.

    Raises:
        ArchiveError: the file of an earlier session is damaged, or the file cannot be written.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / FAILURES_FILE
        self._kinds: dict[str, dict[str, float]] = {}
        if self._path.exists():
            try:
                self._kinds = json.loads(self._path.read_text())
            except (OSError, ValueError) as error:
                raise ArchiveError(f"{self._path} is damaged ({error}). Move it away, then go on.") from error

    def add(self, kind: str, *, recovered: bool, seconds_lost: float = 0.0, number: int = 1) -> None:
        """Count failures of a kind, and write the file.

        Args:
            kind: what failed.
            recovered: whether the run goes on.
            seconds_lost: by all of them.
            number: of failures.
        """
        entry = self._kinds.setdefault(kind, {"count": 0, "recovered": 0, "seconds_lost": 0.0})
        entry["count"] += number
        entry["recovered"] += number if recovered else 0
        entry["seconds_lost"] += seconds_lost
        self._write()

    def run_goes_on(self, seconds_lost: float) -> None:
        """A later session goes on with the run: what ended the last one is got over.

        Args:
            seconds_lost: of training that was done after its last checkpoint, and is done again.
        """
        open_ones = [entry for entry in self._kinds.values() if entry["recovered"] < entry["count"]]
        for entry in open_ones:
            entry["recovered"] = entry["count"]
            entry["seconds_lost"] += seconds_lost / len(open_ones)
        if open_ones:
            self._write()

    def _write(self) -> None:
        with archive_errors(self._path):
            write_durably(self._path, json.dumps(self.to_summary(), indent=1) + "\n")

    def to_summary(self) -> Mapping[str, Any]:
        """By kind: `count`, `recovered`, `seconds_lost`."""
        return {kind: {**entry, "seconds_lost": round(entry["seconds_lost"], 2)} for kind, entry in self._kinds.items()}
