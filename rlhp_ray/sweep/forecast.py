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
from rlhp_ray.sweep.plan import setting_text
from rlhp_ray.sweep.sweep_file import Sweep

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


def concurrent_trials(trial_cpus: float, num_env_runners: int) -> int:
    """Trials that run beside each other on this machine; 0 where it is too small for one."""
    return math.floor(_machine_cpus() / (trial_cpus + num_env_runners) + 1e-9)


def _machine_cpus() -> int:
    return max(2, os.cpu_count() or 1)


def forecast(configs: Sequence[RunConfig], trial_cpus: float, output_dir: Path, trials_in_all: int) -> Forecast:
    """Of the configurations of the trials that are known.

    Args:
        configs: of these trials.
        trial_cpus: processors that a trial reserves, its env runners aside.
        output_dir: in which earlier runs lie.
        trials_in_all: with those that a search will propose, which are taken to be like those that are known.

    Raises:
        ConfigError: a trial asks for more processors than there are.
    """
    machine_cpus = _machine_cpus()
    most_env_runners = max(config.env.num_env_runners for config in configs)
    needed = trial_cpus + most_env_runners
    if needed > machine_cpus:
        raise ConfigError(
            f"a trial needs {needed:g} CPUs ({trial_cpus:g} and one for each env runner), but this machine has "
            f"{machine_cpus}; expected no more than that; lower --trial-cpus or env.num_env_runners"
        )
    concurrent = min(trials_in_all, concurrent_trials(trial_cpus, most_env_runners))
    earlier = _earlier_seconds_per_env_step(output_dir)
    each = [
        earlier[key] * config.training.env_steps if (key := (config.env.id, config.reward_source)) in earlier else None
        for config in configs
    ]
    known = [seconds for seconds in each if seconds is not None]
    seconds = sum(known) / concurrent * trials_in_all / len(configs) if len(known) == len(each) else None
    return Forecast(needed, machine_cpus, concurrent, seconds)


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


def describe_plan(sweep: Sweep, configs: Sequence[RunConfig], expected: Forecast) -> str:
    """The plan for a person: every trial that is known with its setting, then what they take."""
    trials, in_all = sweep.trials, sweep.trials_in_all
    lines = [f"  {trial.name:<14}seed={trial.seed}, {setting_text(trial.setting)}" for trial in trials]
    if in_all > len(trials):
        lines.append(f"  {'...':<14}{in_all - len(trials)} more, whose settings follow from what these come to")
    labels = sum(config.preferences.labels for config in configs if config.reward_source == "preferences")
    labels = labels * in_all // len(trials)
    env_steps = sum(config.training.env_steps for config in configs) * in_all // len(trials)
    rows = {
        "trials": f"{in_all}, {expected.concurrent} beside each other; {expected.trial_cpus:g} of "
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
