"""`metrics.csv` as series over environment steps, also of runs that were resumed or died while they wrote."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from rlhp_ray.errors import ArchiveError

MetricRow = tuple[float, dict[str, float]]
"""Env steps, and the values of the other columns that hold a finite number."""

Series = tuple[np.ndarray, np.ndarray]
"""Env steps and values, both [num_points], steps increasing."""


def read_metric_rows(metrics_csv: Path) -> list[MetricRow]:
    """Rows as (env steps, values), in order of steps; columns and cells may be missing.

    After a resume the steps go back to the checkpoint's: rows of the life that was lost are dropped. So is a row that
    was cut off when the process died, since half a number of steps looks like going back to an early one.

    Raises:
        ArchiveError: the file cannot be read.
    """
    rows: list[MetricRow] = []
    try:
        with metrics_csv.open(newline="", encoding="utf-8", errors="replace") as file:
            for cells in csv.DictReader(line.replace("\0", "") for line in file if line.endswith("\n")):
                values = {name: number for name, cell in cells.items() if (number := _number(cell)) is not None}
                step = values.pop("env_steps", None)
                if step is None or None in cells.values():
                    continue
                while rows and rows[-1][0] > step:
                    rows.pop()
                rows.append((step, values))
    except (OSError, csv.Error) as error:
        raise ArchiveError(f"Cannot read the metrics {metrics_csv}: {error}") from error
    return rows


def metric_series(rows: list[MetricRow], name: str) -> Series:
    """What one column holds, where it holds something."""
    points = {step: values[name] for step, values in rows if name in values}  # of two rows at one step the later
    steps, values = np.array(list(points.items()), dtype=float).reshape(-1, 2).T
    return steps, values


def _number(cell: Any) -> float | None:
    try:
        number = float(cell)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None
