"""`diagnostics.json`: the reward predictor as of the last round that was followed by an evaluation."""

import json
from pathlib import Path
from typing import Any

from ray.tune import Callback

from rlhp_ray import metric_keys as keys
from rlhp_ray.experiment.archive_files import archive_errors, as_json, write_durably


class DiagnosticsFile(Callback):
    """Tune callback that keeps the newest snapshot: some tens of kilobytes, however long a run is.

    Args:
        path: is replaced in one step.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def on_trial_result(self, iteration: int, trials: list, trial: Any, result: dict, **info: Any) -> None:
        snapshot = result[keys.DIAGNOSTICS]
        if snapshot is None:
            return
        content = {keys.ENV_STEPS: result[keys.METRICS][keys.ENV_STEPS], **snapshot}
        with archive_errors(self._path):
            write_durably(self._path, json.dumps(as_json(content), indent=1, allow_nan=False) + "\n")
