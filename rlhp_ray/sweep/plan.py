"""What a sweep is going to run: its trials, each with its settings and its seed, known before anything starts."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from rlhp_ray.config.error_text import join_lines
from rlhp_ray.config.field_guide import key_schemas, suggest_key
from rlhp_ray.config.overrides import parse_override
from rlhp_ray.errors import ConfigError
from rlhp_ray.seeding import derive_rng
from rlhp_ray.sweep.axes import Axis, combine, parse_axis

MAX_TRIALS = 1000  # ours: beyond it a grid is a slip rather than a plan
_OWN = ("name", "output_dir", "question", "expect", "scope")  # keys of the sweep as a whole
_FREE = "training.rllib."


@dataclass(frozen=True)
class PlannedTrial:
    """One run of a sweep.

    Args:
        name: of its directory in that of the sweep.
        setting: values of the axes by key; runs that share it differ by their seed alone.
        seed: of the run.
    """

    name: str
    setting: dict[str, Any]
    seed: int

    @property
    def overrides(self) -> tuple[str, ...]:
        """What lays this trial over the configuration that all share."""
        return (*(override_text(key, value) for key, value in self.setting.items()), f"seed={self.seed}")


def override_text(key: str, value: Any) -> str:
    """`key=value` in the words of the command line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False).strip()
    return f"{key}={text.removesuffix('...').strip()}"


def setting_text(setting: dict[str, Any]) -> str:
    """A setting in one line, with the last parts of its keys; the name of the configuration alone is `-`."""
    words = (f"{key.rpartition('.')[2]}={_short(value)}" for key, value in setting.items())
    return ", ".join(words) or "-"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def split_overrides(overrides: Sequence[str]) -> tuple[tuple[str, ...], tuple[Axis, ...]]:
    """Plain overrides, and the axes among them in their order.

    Raises:
        ConfigError: With one line for every axis that cannot be one.
    """
    plain, axes, lines = [], [], []
    for override in overrides:
        try:
            key, value = parse_override(override)
            axis = parse_axis(key, _axis_value(override, value))
        except ValueError as error:
            lines.append(f"override {override!r}: {error}")
            continue
        if axis is None:
            plain.append(override)
            continue
        axes.append(axis)
        if key not in key_schemas() and not key.startswith(_FREE):
            lines.append(f"override {override!r}: unknown key; {suggest_key(key)}")
        elif key == "seed":
            lines.append(f"override {override!r}: seeds have an option of their own; expected --seeds 0-4")
        elif key in _OWN:
            lines.append(f"override {override!r}: {key} is one for the whole sweep; expected one value")
    doubled = [axis.key for axis in axes if [other.key for other in axes].count(axis.key) > 1]
    lines += [f"{key} is swept twice; expected one axis for it; leave one out" for key in dict.fromkeys(doubled)]
    if lines:
        raise ConfigError(join_lines("command line", lines))
    return tuple(plain), tuple(axes)


def _axis_value(override: str, value: Any) -> Any:
    """A key that takes any text has not been parsed as YAML: `env.id={grid: [...]}` has to be."""
    text = override.partition("=")[2].strip()
    if not (isinstance(value, str) and text.startswith("{")):
        return value
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return value


def parse_seeds(text: str) -> tuple[int, ...]:
    """`0-4`, `3`, or `0-4,7`. Raises ConfigError where it is none of that, or a seed is given twice."""
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ConfigError(f"--seeds: got {text!r}, expected seeds such as 0-4 or 0-4,7")
        start, end = int(first), int(last or first)
        if end < start or end - start >= MAX_TRIALS:
            raise ConfigError(f"--seeds: got {part!r}, expected first-last, first <= last, at most {MAX_TRIALS} seeds")
        seeds += range(start, end + 1)
    doubled = sorted({seed for seed in seeds if seeds.count(seed) > 1})
    if doubled:
        raise ConfigError(f"--seeds: got {', '.join(map(str, doubled))} twice in {text!r}; expected each seed once")
    return tuple(seeds)


def plan_trials(axes: tuple[Axis, ...], seeds: Sequence[int], samples: int, draw_seed: int) -> list[PlannedTrial]:
    """Every setting with every seed.

    Args:
        axes: what differs beside seeds.
        seeds: of the runs.
        samples: draws of the random axes for each point of the grid.
        draw_seed: of these draws.

    Raises:
        ConfigError: more than `MAX_TRIALS`.
    """
    settings = list(itertools.islice(combine(axes, samples, derive_rng(draw_seed, "sweep")), MAX_TRIALS + 1))
    check_trial_count(len(settings), len(seeds))
    return trials_of(settings, seeds, first=0, settings_in_all=len(settings))


def check_trial_count(settings: int, seeds: int) -> None:
    """Raise ConfigError where these are more than `MAX_TRIALS` trials."""
    if settings * seeds > MAX_TRIALS:
        raise ConfigError(f"the sweep has more than {MAX_TRIALS} trials; expected fewer values, samples or seeds")


def trials_of(
    settings: Sequence[dict[str, Any]], seeds: Sequence[int], first: int, settings_in_all: int
) -> list[PlannedTrial]:
    """Settings with every seed, seed after seed, so that a sweep that is cut short has compared all of them.

    Args:
        settings: values of the axes.
        seeds: of the runs.
        first: number of the first of these settings in the sweep.
        settings_in_all: of the sweep.
    """
    digits = len(str(settings_in_all - 1))
    numbers = range(first, first + len(settings))
    stems = [f"s{number:0{digits}d}-" if settings_in_all > 1 else "" for number in numbers]
    return [
        PlannedTrial(f"{stem}seed{seed}", setting, seed)
        for seed in seeds
        for stem, setting in zip(stems, settings, strict=True)
    ]
