"""What a sweep came to: one row for each trial in `results.csv`, and a table of settings for a person."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from rlhp_ray.experiment.archive_files import archive_errors, write_durably
from rlhp_ray.runs.cost_sum import money_in_all
from rlhp_ray.runs.value_text import bytes_text
from rlhp_ray.sweep.plan import setting_text
from rlhp_ray.sweep.sweep_file import Sweep

RESULTS_FILE = "results.csv"
NOT_STARTED = "not started"
COLUMNS = (  # of summary.json
    "status", "true_return_mean", "true_return_std", "env_steps", "labels", "queries", "reward_validation_accuracy",
    "env_steps_per_second", "train_seconds", "cpu_hours", "gpu_hours", "peak_memory_mb",
    "bytes_on_disk", "bytes_written", "cost", "currency", "failures",
)  # fmt: skip


@dataclass(frozen=True)
class TrialResult:
    """One trial and its summary.

    Args:
        name: of its directory.
        setting: values of the axes.
        seed: of the run.
        summary: `summary.json`, empty where there is none.
    """

    name: str
    setting: dict[str, Any]
    seed: int
    summary: dict[str, Any]

    @property
    def status(self) -> str:
        """`done`, `stopped`, `failed`, `interrupted`, or that it has not begun or never ended."""
        return self.summary.get("status", NOT_STARTED)

    @property
    def true_return(self) -> float | None:
        """Mean true return of the evaluation at the end of a run that is done."""
        return self.summary.get("true_return_mean") if self.status == "done" else None


def read_results(directory: Path, sweep: Sweep) -> list[TrialResult]:
    """Every trial of the sweep with what its run directory says."""
    return [
        TrialResult(trial.name, trial.setting, trial.seed, _summary(directory / trial.name)) for trial in sweep.trials
    ]


def _summary(run: Path) -> dict[str, Any]:
    try:
        return json.loads((run / "summary.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def write_results(directory: Path, results: Sequence[TrialResult]) -> None:
    """Write `results.csv` into the sweep's directory."""
    text = io.StringIO()
    keys = list(dict.fromkeys(key for result in results for key in result.setting))
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "seed", *keys, *COLUMNS])
    for result in results:
        found = {**result.summary, "status": result.status}
        found["failures"] = sum(entry["count"] for entry in result.summary.get("failures", {}).values())
        setting = [result.setting.get(key) for key in keys]
        writer.writerow([result.name, result.seed, *setting, *(found.get(column) for column in COLUMNS)])
    path = directory / RESULTS_FILE
    with archive_errors(path):
        write_durably(path, text.getvalue())


def returns_by_setting(results: Sequence[TrialResult]) -> dict[str, list[float]]:
    """Final true returns of the runs that are done, by setting, in the order of the trials."""
    returns: dict[str, list[float]] = {}
    for result in results:
        if result.true_return is not None:
            returns.setdefault(setting_text(result.setting), []).append(result.true_return)
    return returns


def describe_sweep(directory: Path, results: Sequence[TrialResult], report: Path | None, trials_in_all: int) -> str:
    """The closing table: every trial, then the best setting, then the files to look at."""
    lines = ["", f"  {'trial':<14}{'status':<13}{'true return':>12}{'env steps':>12}{'labels':>8}  setting"]
    lines += [_row(result) for result in results]
    if len(returns := returns_by_setting(results)) > 1:
        best = max(returns, key=lambda setting: fmean(returns[setting]))
        count = len(returns[best])
        runs = "1 run" if count == 1 else f"{count} runs"
        lines += ["", f"  {'best mean':<14}{fmean(returns[best]):.1f} over {runs}: {best}"]
    left = trials_in_all - sum(result.status in ("done", "stopped") for result in results)
    if left:
        lines += ["", f"  {left} of {trials_in_all} trials are not done; to go on: rlhp resume {directory}"]
    lines += ["", f"  {'cost':<14}{_cost(results)}"]
    files = [("report", report), ("results", directory / RESULTS_FILE), ("runs", directory / results[0].name)]
    lines += ["", *(f"  {name:<14}{file}" for name, file in files if file is not None), ""]
    return "\n".join(lines)


def _cost(results: Sequence[TrialResult]) -> str:
    """Of all trials that have a summary: sums, and the memory of the trial that held the most."""
    ran = [result.summary for result in results if result.summary]

    def known(key: str) -> list[float]:
        return [summary[key] for summary in ran if summary.get(key) is not None]

    parts = [f"{sum(known('cpu_hours')):.2g} CPU-hours, {sum(known('gpu_hours')):.2g} GPU-hours"]
    if known("peak_memory_mb"):
        parts.append(f"{max(known('peak_memory_mb')):,.0f} MB of memory at most in a trial")
    if known("bytes_on_disk"):
        parts.append(f"{bytes_text(round(sum(known('bytes_on_disk'))))} on disk")
    return ", ".join([*parts, money_in_all(ran)])


def _row(result: TrialResult) -> str:
    value = result.summary.get("true_return_mean")
    figures = (
        "-" if value is None else f"{value:.1f}",
        f"{result.summary.get('env_steps', 0):,}",
        f"{result.summary.get('labels', 0):,}",
    )
    text = "".join(f"{figure:>{width}}" for figure, width in zip(figures, (12, 12, 8), strict=True))
    return f"  {result.name:<14}{result.status:<13}{text}  seed={result.seed}, {setting_text(result.setting)}"
