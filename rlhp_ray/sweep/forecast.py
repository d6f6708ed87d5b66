"""What a sweep will take, told before it starts: trials, processors, hours."""

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rlhp_ray.config.schema import RunConfig
from rlhp_ray.errors import ConfigError
from rlhp_ray.sweep.plan import PlannedTrial, setting_text

MAX_EARLIER_RUNS = 200  # looked at for their speed, the newest ones


@dataclass(frozen=True)
class Forecast:
    """What is known beforehand.

    Args:
        trial_cpus: processors that one trial reserves, with its env runners.
        machine_cpus: processors of this machine.
        concurrent: trials beside each other.
        seconds: of the whole sweep, from the speed of earlier runs; None where there are none to go by.
    """

    trial_cpus: float
    machine_cpus: int
    concurrent: int
    seconds: float | None


def forecast(configs: Sequence[RunConfig], trial_cpus: float, output_dir: Path) -> Forecast:
    """Of all trials' configurations.

    Raises:
        ConfigError: a trial asks for more processors than there are.
    """
    machine_cpus = max(2, os.cpu_count() or 1)
    needed = trial_cpus + max(config.env.num_env_runners for config in configs)
    if needed > machine_cpus:
        raise ConfigError(
            f"a trial needs {needed:g} CPUs ({trial_cpus:g} and one for each env runner), but this machine has "
            f"{machine_cpus}; expected no more than that; lower --trial-cpus or env.num_env_runners"
        )
    concurrent = min(len(configs), math.floor(machine_cpus / needed + 1e-9))
    earlier = _earlier_seconds_per_env_step(output_dir)
    each = [
        earlier[key] * config.training.env_steps if (key := (config.env.id, config.reward_source)) in earlier else None
        for config in configs
    ]
    known = [seconds for seconds in each if seconds is not None]
    return Forecast(needed, machine_cpus, concurrent, sum(known) / concurrent if len(known) == len(each) else None)


def _earlier_seconds_per_env_step(output_dir: Path) -> dict[tuple[str, str], float]:
    """Median wall seconds per env step of the newest finished runs, by environment and source of the reward."""
    files = [*output_dir.glob("*/summary.json"), *output_dir.glob("*/*/summary.json")]
    found: dict[tuple[str, str], list[float]] = {}
    for file in sorted(files, key=lambda path: path.stat().st_mtime)[-MAX_EARLIER_RUNS:]:
        try:
            summary = json.loads(file.read_text(encoding="utf-8"))
            if summary["status"] == "done":
                rate = summary["wall_seconds"] / summary["env_steps"]
                found.setdefault((summary["env"], summary["reward_source"]), []).append(rate)
        except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError):
            continue  # no run of ours, or a damaged one: nothing to learn from it
    return {key: median(rates) for key, rates in found.items()}


def describe_plan(trials: Sequence[PlannedTrial], configs: Sequence[RunConfig], expected: Forecast) -> str:
    """The plan for a person: every trial with its setting, then what they take."""
    lines = [f"  {trial.name:<14}seed={trial.seed}, {setting_text(trial.setting)}" for trial in trials]
    labels = sum(config.preferences.labels for config in configs if config.reward_source == "preferences")
    env_steps = sum(config.training.env_steps for config in configs)
    rows = {
        "trials": f"{len(trials)}, {expected.concurrent} beside each other; {expected.trial_cpus:g} of "
        f"{expected.machine_cpus} CPUs each",
        "env steps": f"{env_steps:,}",
        "queries": f"{labels:,}",
        "time": _time_text(expected),
    }
    return "\n".join([*lines, "", *(f"  {name:<14}{value}" for name, value in rows.items())])


def _time_text(expected: Forecast) -> str:
    if expected.seconds is None:
        return "unknown: no finished run of this environment is in output_dir to go by"
    hours = expected.seconds / 3600
    cpu_hours = hours * expected.concurrent * expected.trial_cpus
    return f"about {_duration(expected.seconds)}, as earlier runs; {cpu_hours:.2g} CPU hours are reserved for it"


def _duration(seconds: float) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.0f} s"
