"""Metrics of healthy runs, as they were recorded, with the configuration that they were recorded with.

`recorded/*.csv` are runs of the shipped configurations of these names (seed 0), in the columns that are watched;
`coin.csv` is moving_dot with `teacher.preset=random`, the negative control.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rlhp_ray.config.schema import RunConfig
from rlhp_ray.health.monitor import HealthMonitor

RECORDED = Path(__file__).parent / "recorded"
CONFIGS: dict[str, dict[str, Any]] = {
    "moving_dot": {
        "env": {"id": "rlhp/MovingDot-v0"},
        "training": {"env_steps": 100_000},
        "preferences": {"labels": 300, "initial_fraction": 0.5},
    },
    "pendulum": {
        "env": {"id": "Pendulum-v1"},
        "training": {"env_steps": 50_000},
        "preferences": {"labels": 200},
    },
    "cartpole": {
        "env": {"id": "CartPole-v1"},
        "training": {"env_steps": 50_000},
        "preferences": {"labels": 300, "clip_steps": 60, "schedule": "constant", "pool_clips": 3000},
    },
    "acrobot": {
        "env": {"id": "Acrobot-v1"},
        "training": {"env_steps": 50_000},
        "preferences": {"labels": 300, "initial_fraction": 0.5, "clip_steps": 50, "pool_clips": 3000},
        "teacher": {"reward_function": "rlhp_ray.preferences.acrobot_height:tip_height"},
    },
}
ACTION_SPACES: dict[str, dict[str, Any]] = {
    "moving_dot": {"type": "Discrete", "n": 5},
    "pendulum": {"type": "Box", "shape": [1]},
    "cartpole": {"type": "Discrete", "n": 2},
    "acrobot": {"type": "Discrete", "n": 3},
}


@dataclass
class Watched:
    """A run that was watched.

    Args:
        monitor: after the last row.
        said: what began and ended, in order.
        metrics: about its health, of every row.
    """

    monitor: HealthMonitor
    said: list[str]
    metrics: list[dict[str, float]]


@pytest.fixture
def rows() -> Callable[[str], list[dict[str, Any]]]:
    """Rows of a recorded run by its name."""

    def read(name: str) -> list[dict[str, Any]]:
        with (RECORDED / f"{name}.csv").open(newline="") as file:
            return [{key: float(cell) for key, cell in row.items() if cell} for row in csv.DictReader(file)]

    return read


@pytest.fixture
def monitor() -> Callable[..., HealthMonitor]:
    """A monitor for a run of this name."""

    def make(name: str, earlier_rows: Any = (), **config: Any) -> HealthMonitor:
        return HealthMonitor(RunConfig.model_validate(CONFIGS[name] | config), ACTION_SPACES[name], earlier_rows)

    return make


@pytest.fixture
def watched(monitor: Callable[..., HealthMonitor]) -> Callable[..., Watched]:
    """Watches rows of a run of this name."""

    def watch(name: str, rows: list[dict[str, Any]], **config: Any) -> Watched:
        made = Watched(monitor(name, **config), [], [])
        for row in rows:
            made.metrics.append(made.monitor.update(row))
            made.said += made.monitor.take_changes()
        return made

    return watch
