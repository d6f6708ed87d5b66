"""Runs by environment, and within one by setting: what shares a setting differs by its seed alone.

Returns of different environments have nothing to do with each other, so nothing is ever averaged over them; nor over
different settings of one.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rlhp_ray.report.report_run import ReportRun
from rlhp_ray.sweep.plan import setting_text

_NAMES = ("name", "seed", "output_dir", "question", "expect")
_OF_PREFERENCES = ("preferences.", "teacher.", "reward.", "policy.load")
_MAX_NAMED = 3


@dataclass(frozen=True)
class Setting:
    """Runs of one configuration.

    Args:
        letter: by which figures and tables call it.
        label: what sets it apart from the others of its environment, in short.
        differences: the same, in full, by dotted key.
        runs: all of them.
    """

    letter: str
    label: str
    differences: Mapping[str, Any]
    runs: tuple[ReportRun, ...]

    @property
    def title(self) -> str:
        return f"{self.letter}: {self.label}"

    @property
    def is_baseline(self) -> bool:
        return self.runs[0].is_baseline

    @cached_property
    def counted(self) -> tuple[ReportRun, ...]:
        """The runs that means are of: those that are done, one a seed; where none is done yet, all others so."""
        done = [run for run in self.runs if run.final_return is not None]
        newest: dict[Any, ReportRun] = {}
        for run in done or self.runs:
            other = newest.get(run.seed)
            if other is None or _started(other) < _started(run):
                newest[run.seed] = run
        return tuple(newest.values())

    @property
    def final_returns(self) -> list[float]:
        """Of every seed that is done."""
        return [run.final_return for run in self.counted if run.final_return is not None]


@dataclass(frozen=True)
class EnvGroup:
    """All runs of one environment, those on the true reward last."""

    env: str
    settings: tuple[Setting, ...]

    @property
    def runs(self) -> tuple[ReportRun, ...]:
        return tuple(run for setting in self.settings for run in setting.runs)

    @property
    def learners(self) -> tuple[Setting, ...]:
        """The settings that learn from preferences."""
        return tuple(setting for setting in self.settings if not setting.is_baseline)


def group_runs(runs: Iterable[ReportRun]) -> list[EnvGroup]:
    """The runs by environment, in the order of names."""
    by_env: dict[str, list[ReportRun]] = {}
    for run in runs:
        by_env.setdefault(run.env, []).append(run)
    return [EnvGroup(env, _settings(by_env[env])) for env in sorted(by_env)]


def _settings(runs: Sequence[ReportRun]) -> tuple[Setting, ...]:
    by_config: dict[str, list[ReportRun]] = {}
    for run in sorted(runs, key=lambda run: (run.is_baseline, run.name)):
        by_config.setdefault(json.dumps(_compared(run), sort_keys=True, default=str), []).append(run)
    members = list(by_config.values())
    found: list[Setting] = []
    for index, group in enumerate(members):
        alike = [_compared(other[0]) for other in members if other[0].is_baseline == group[0].is_baseline]
        differences = _differences(_compared(group[0]), alike)
        label = _label(group[0], _telling(differences, alike))
        found.append(Setting(_letters(index), label, differences, tuple(group)))
    return tuple(found)


def _compared(run: ReportRun) -> dict[str, Any]:
    """Values that make a setting. What is not set is left out: an older run lacks the keys of newer features."""
    skipped = _OF_PREFERENCES if run.is_baseline else ()
    return {
        key: value
        for key, value in run.config.items()
        if key not in _NAMES and value is not None and value != {} and not key.startswith(skipped)
    }


def _differences(config: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    every = dict.fromkeys(key for other in others for key in other)
    return {key: config.get(key) for key in every if any(other.get(key) != config.get(key) for other in others)}


def _telling(differences: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The differences, those that the fewest settings share first where not all of them can be named."""
    if len(differences) <= _MAX_NAMED:
        return dict(differences)
    sharing = {key: sum(other.get(key) == value for other in others) for key, value in differences.items()}
    return {key: differences[key] for key in sorted(differences, key=lambda key: sharing[key])}


def _label(run: ReportRun, differences: Mapping[str, Any]) -> str:
    named = dict(list(differences.items())[:_MAX_NAMED])
    more = f" and {len(differences) - _MAX_NAMED} more" if len(differences) > _MAX_NAMED else ""
    text = setting_text(named) + more if named else ""
    if run.is_baseline:
        return f"true reward, {text}" if text else "true reward (baseline)"
    return text or f"{run.config.get('preferences.labels', '?')} queries"


def _letters(index: int) -> str:
    """A to Z, then AA, AB ..."""
    rest, last = divmod(index, 26)
    return (_letters(rest - 1) if rest else "") + chr(ord("A") + last)


def _started(run: ReportRun) -> float:
    return run.record.started.timestamp() if run.record.started else 0.0
