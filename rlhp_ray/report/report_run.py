"""One run as a report needs it: its record in the index, its metrics as series, its predictor, its videos."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlhp_ray import metric_keys as keys
from rlhp_ray.errors import ArchiveError, LabellingStorageError
from rlhp_ray.experiment.disk_use import bytes_below
from rlhp_ray.experiment.metrics_series import MetricRow, Series, metric_series, read_metric_rows
from rlhp_ray.experiment.run_archive import RunArchive
from rlhp_ray.preferences.database_location import preferences_directory
from rlhp_ray.preferences.judgements import read_judgements
from rlhp_ray.preferences.labeller_quality import PeopleQuality, people_quality
from rlhp_ray.preferences.queue_database import QUEUE_FILE
from rlhp_ray.report.diagnostics_reading import Diagnostics, read_diagnostics
from rlhp_ray.runs.run_record import RunRecord


@dataclass(frozen=True)
class ReportRun:
    """One run that is not damaged.

    Args:
        record: of the index.
        config: every value of its configuration by dotted key.
        rows: of its metrics.
        diagnostics: of its predictor; None where there are none.
        action_space: as `policy.json` of its last checkpoint describes it; empty where there is none.
        videos: of its directory.
        bytes_on_disk: of its directory.
        people: how good the answers of its labellers are; None where its teacher is simulated.
        answers_in: directory with these answers: its own, or that of the sweep whose runs share them.
        flaws: what could not be read of it, each in one line.
    """

    record: RunRecord
    config: Mapping[str, Any]
    rows: list[MetricRow]
    diagnostics: Diagnostics | None
    action_space: Mapping[str, Any]
    videos: tuple[Path, ...]
    bytes_on_disk: int
    people: PeopleQuality | None
    answers_in: Path
    flaws: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def env(self) -> str:
        return str(self.record.facts.get("env"))

    @property
    def seed(self) -> Any:
        return self.record.facts.get("seed")

    @property
    def is_baseline(self) -> bool:
        """Whether it was trained on the true reward."""
        return self.record.facts.get("reward_source") == "true_reward"

    @property
    def final_return(self) -> float | None:
        """Mean true return of the last policy's evaluation episodes; None of a run that is not done."""
        return self.fact("true_return_mean") if self.record.status == "done" else None

    @property
    def first_return(self) -> float | None:
        """Mean true return of the first training episodes to end, of a policy that has learnt little or nothing."""
        _, values = self.series(keys.TRUE_RETURN)
        return float(values[0]) if len(values) else None

    def fact(self, key: str) -> float | None:
        """A number of the summary, or of a run without one, so far; None where it is not known."""
        value = self.record.facts.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            return None
        return float(value)

    def series(self, column: str) -> Series:
        """A column of the metrics over env steps."""
        return metric_series(self.rows, column)


def read_report_run(record: RunRecord) -> ReportRun:
    """Everything about a run. Raises ArchiveError where it is damaged."""
    if record.problem is not None:
        raise ArchiveError(record.problem)
    try:
        config = record.config.flat()
    except ValueError as error:
        raise ArchiveError(f"config.yaml is no YAML: {error}") from error
    archive, flaws = record.archive, []
    rows: list[MetricRow] = []
    if archive.metrics_file.exists():
        rows = read_metric_rows(archive.metrics_file)
    else:
        flaws.append("no metrics.csv")
    try:
        diagnostics = read_diagnostics(archive.diagnostics_file)
    except ArchiveError as error:
        diagnostics = None
        flaws.append(str(error))
    people = None
    answers_in = preferences_directory(archive.directory)
    queue_file = answers_in / QUEUE_FILE
    if queue_file.exists():
        try:
            people = people_quality(read_judgements(queue_file))
        except LabellingStorageError as error:
            flaws.append(str(error))
    videos = tuple(sorted(archive.videos_dir.glob("*.mp4")))
    size = bytes_below(archive.directory)
    return ReportRun(
        record, config, rows, diagnostics, _action_space(archive), videos, size, people, answers_in, tuple(flaws)
    )


def _action_space(archive: RunArchive) -> Mapping[str, Any]:
    try:
        space = json.loads((archive.checkpoints_dir / "last" / "inference" / "policy.json").read_bytes())[
            "action_space"
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return space if isinstance(space, Mapping) else {}
