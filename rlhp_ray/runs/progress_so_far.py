"""How far a run without a summary has come: the last whole row of its `metrics.csv`."""

import csv
from typing import Any

from rlhp_ray import metric_keys as keys
from rlhp_ray.experiment.run_archive import RunArchive

_TAIL_BYTES = 8192  # a row has some hundred bytes
_COUNTS = ("env_steps", "labels", "labels_loaded", "queries")
_NUMBERS = {
    "true_return_mean": keys.EVALUATION_RETURN,
    "true_return_std": keys.EVALUATION_RETURN_STD,
    "reward_validation_accuracy": keys.REWARD_VALIDATION_ACCURACY,
    "reward_true_correlation": keys.REWARD_TRUE_CORRELATION,
    "wall_seconds": "wall_seconds",
    "train_seconds": keys.TRAIN_SECONDS,
    "env_steps_per_second": keys.ENV_STEPS_PER_SECOND,
}


def read_progress(archive: RunArchive) -> dict[str, Any]:
    """As many keys of a summary as the last row of metrics gives; none where there is no row yet."""
    row = _last_row(archive)
    facts: dict[str, Any] = {}
    for key in _COUNTS:
        number = _number(row.get(key))
        facts[key] = None if number is None else int(number)
    for key, column in _NUMBERS.items():
        facts[key] = _number(row.get(column))
    cpu_seconds = _number(row.get(keys.CPU_SECONDS))
    facts["cpu_hours"] = None if cpu_seconds is None else cpu_seconds / 3600
    return facts


def _last_row(archive: RunArchive) -> dict[str, str]:
    try:
        with archive.metrics_file.open("rb") as file:
            header = file.readline().decode()
            start = file.tell()
            file.seek(max(start, file.seek(0, 2) - _TAIL_BYTES))
            tail = file.read().decode()
    except (OSError, UnicodeDecodeError):
        return {}
    columns = next(csv.reader([header]), [])
    whole = tail[: tail.rfind("\n") + 1].splitlines()  # the last line may be under way
    for line in reversed(whole):
        values = next(csv.reader([line]), [])
        if len(values) == len(columns):
            return dict(zip(columns, values, strict=True))
    return {}


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None  # NaN is not smaller either
