"""What a sweep will take, told before it starts: trials, processors, hours, money, memory, disk."""

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rlhp_ray.config.price_table import PriceTable, read_prices
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.errors import ConfigError
from rlhp_ray.experiment.run_cost import money_text
from rlhp_ray.runs.cost_sum import NO_PRICE
from rlhp_ray.runs.value_text import bytes_text
from rlhp_ray.sweep.plan import setting_text
from rlhp_ray.sweep.sweep_file import Sweep

MAX_EARLIER_RUNS = 200  # looked at for their speed, the newest ones


@dataclass(frozen=True)
class Forecast:
    """What is known beforehand.

    Args:
        trial_cpus: processors that one trial reserves, with its env runners.
        cpus: processors of this machine, or of the cluster.
        concurrent: trials beside each other.
        seconds: of the whole sweep, from the speed of earlier runs; None where there are none to go by.
        cpu_hours: that all trials will compute, from the same runs.
        gpu_hours: that they will reserve.
        peak_memory_mb: the most that such a run held; None where that is not known.
        bytes_on_disk: of all trials, as such runs took; None where that is not known.
        prices: that the trials will be billed by; None where there are none.
    """

    trial_cpus: float
    cpus: float
    concurrent: int
    seconds: float | None
    cpu_hours: float | None
    gpu_hours: float | None
    peak_memory_mb: float | None
    bytes_on_disk: float | None
    prices: PriceTable | None


@dataclass(frozen=True)
class _EarlierCost:
    """What finished runs took; by env step what grows with a run, None where it was not recorded."""

    seconds: float | None
    cpu_hours: float | None
    gpu_hours: float | None
    peak_memory_mb: float | None
    bytes_on_disk: float | None


def concurrent_trials(trial_cpus: float, num_env_runners: int, cluster_cpus: float | None) -> int:
    """Trials that run beside each other on a cluster, or, with None, on this machine; 0 where it is too small."""
    return math.floor((cluster_cpus or _machine_cpus()) / (trial_cpus + num_env_runners) + 1e-9)


def _machine_cpus() -> int:
    return max(2, os.cpu_count() or 1)


def forecast(
    configs: Sequence[RunConfig],
    trial_cpus: float,
    output_dir: Path,
    trials_in_all: int,
    cluster_cpus: float | None = None,
) -> Forecast:
    """Of the configurations of the trials that are known.

    Args:
        configs: of these trials.
        trial_cpus: processors that a trial reserves, its env runners aside.
        output_dir: in which earlier runs lie.
        trials_in_all: with those that a search will propose, which are taken to be like those that are known.
        cluster_cpus: processors of the cluster that they run on; None where that is this machine alone.

    Raises:
        ConfigError: a trial asks for more processors than there are, or the prices cannot be used.
    """
    most_env_runners = max(config.env.num_env_runners for config in configs)
    needed = trial_cpus + most_env_runners
    cpus = cluster_cpus or _machine_cpus()
    if needed > cpus:
        raise ConfigError(
            f"a trial needs {needed:g} CPUs ({trial_cpus:g} and one for each env runner), but "
            f"{'this machine' if cluster_cpus is None else 'the cluster'} has {cpus:g}; expected no more than that; "
            "lower --trial-cpus or env.num_env_runners"
        )
    concurrent = min(trials_in_all, concurrent_trials(trial_cpus, most_env_runners, cluster_cpus))
    earlier = _earlier_costs(output_dir)
    nothing = _EarlierCost(None, None, None, None, None)
    costs = [earlier.get((config.env.id, config.reward_source), nothing) for config in configs]
    steps = [config.training.env_steps for config in configs]
    share = trials_in_all / len(configs)
    seconds = _times(_sum(_times(cost.seconds, count) for cost, count in zip(costs, steps, strict=True)), share)
    return Forecast(
        trial_cpus=needed,
        cpus=cpus,
        concurrent=concurrent,
        seconds=None if seconds is None else seconds / concurrent,
        cpu_hours=_times(_sum(_times(cost.cpu_hours, n) for cost, n in zip(costs, steps, strict=True)), share),
        gpu_hours=_times(_sum(_times(cost.gpu_hours, n) for cost, n in zip(costs, steps, strict=True)), share),
        peak_memory_mb=max((cost.peak_memory_mb for cost in costs if cost.peak_memory_mb is not None), default=None),
        bytes_on_disk=_times(_sum(cost.bytes_on_disk for cost in costs), share),
        prices=read_prices(output_dir),
    )


def _times(rate: float | None, count: float) -> float | None:
    return None if rate is None else rate * count


def _sum(values: Iterable[float | None]) -> float | None:
    """None where one of them is not known."""
    found = list(values)
    known = [value for value in found if value is not None]
    return sum(known) if len(known) == len(found) else None


def _earlier_costs(output_dir: Path) -> dict[tuple[str, str], _EarlierCost]:
    """Of the newest finished runs, by environment and source of the reward: medians, and the largest memory."""
    files = [*output_dir.glob("*/summary.json"), *output_dir.glob("*/*/summary.json")]
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for file in sorted(files, key=lambda path: path.stat().st_mtime)[-MAX_EARLIER_RUNS:]:
        try:
            summary = json.loads(file.read_text(encoding="utf-8"))
            if summary["status"] == "done" and summary["env_steps"] > 0:
                found.setdefault((summary["env"], summary["reward_source"]), []).append(summary)
        except (OSError, ValueError, KeyError, TypeError):
            continue  # no run of ours, or a damaged one: nothing to learn from it
    return {key: _typical(summaries) for key, summaries in found.items()}


def _typical(summaries: Sequence[Mapping[str, Any]]) -> _EarlierCost:
    def values(key: str) -> list[tuple[float, int]]:
        found = ((summary.get(key), summary["env_steps"]) for summary in summaries)
        return [(value, steps) for value, steps in found if isinstance(value, int | float)]

    def rate(key: str) -> float | None:
        found = values(key)
        return median(value / steps for value, steps in found) if found else None

    disk = values("bytes_on_disk")
    return _EarlierCost(
        seconds=rate("wall_seconds"),
        cpu_hours=rate("cpu_hours"),
        gpu_hours=rate("gpu_hours"),
        peak_memory_mb=max((value for value, _ in values("peak_memory_mb")), default=None),
        bytes_on_disk=median(value for value, _ in disk) if disk else None,
    )


def describe_plan(sweep: Sweep, configs: Sequence[RunConfig], expected: Forecast) -> str:
    """The plan for a person: every trial that is known with its setting, then what they take."""
    trials, in_all = sweep.trials, sweep.trials_in_all
    lines = [f"  {trial.name:<14}seed={trial.seed}, {setting_text(trial.setting)}" for trial in trials]
    if in_all > len(trials):
        lines.append(f"  {'...':<14}{in_all - len(trials)} more, whose settings follow from what these come to")
    labels = sum(config.preferences.labels for config in configs if config.reward_source == "preferences")
    is_shared = sweep.config.shares_preferences
    labels = sweep.config.preferences.labels if is_shared else labels * in_all // len(trials)
    env_steps = sum(config.training.env_steps for config in configs) * in_all // len(trials)
    rows = {
        "trials": f"{in_all}, {expected.concurrent} beside each other; {expected.trial_cpus:g} of "
        f"{expected.cpus:g} CPUs each",
        "env steps": f"{env_steps:,}",
        "queries": f"{labels:,}{_sharing_text(in_all, expected.concurrent) if is_shared else ''}",
        "time": _time_text(expected),
        "cost": _cost_text(expected),
    }
    if expected.peak_memory_mb is not None:
        together = expected.concurrent * expected.peak_memory_mb
        rows["memory"] = f"up to {expected.peak_memory_mb:,.0f} MB a trial, {together:,.0f} MB for those side by side"
    if expected.bytes_on_disk is not None:
        rows["disk"] = f"about {bytes_text(round(expected.bytes_on_disk))}"
    return "\n".join([*lines, "", *(f"  {name:<14}{value}" for name, value in rows.items())])


def _sharing_text(trials: int, concurrent: int) -> str:
    if concurrent >= trials:
        return ", whose answers all trials share"
    return ", whose answers all trials share: those that begin later may find all of them asked about earlier policies"


def _time_text(expected: Forecast) -> str:
    if expected.seconds is None:
        return "unknown: no finished run of this environment is in output_dir to go by"
    hours = expected.seconds / 3600
    cpu_hours = hours * expected.concurrent * expected.trial_cpus
    return f"about {_duration(expected.seconds)}, as earlier runs; {cpu_hours:.2g} CPU hours are reserved for it"


def _cost_text(expected: Forecast) -> str:
    if expected.cpu_hours is None:
        return "unknown, as time is" if expected.prices is not None else NO_PRICE
    told = f"about {expected.cpu_hours:.2g} CPU-hours"
    gpu_hours = expected.gpu_hours or 0.0
    told += f" and {gpu_hours:.2g} GPU-hours" if gpu_hours else ""
    money = None if expected.prices is None else expected.prices.money(expected.cpu_hours, gpu_hours)
    if expected.prices is None or money is None:
        return f"{told}; {NO_PRICE}"
    return f"{told}, {money_text(money, expected.prices.currency)}"


def _duration(seconds: float) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.0f} s"
