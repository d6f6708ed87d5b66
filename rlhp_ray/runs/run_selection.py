"""Which runs are shown, and in which order: by columns, keys of `summary.json` and keys of the configuration."""

import difflib
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rlhp_ray.errors import ConfigError
from rlhp_ray.runs.columns import COLUMNS
from rlhp_ray.runs.run_record import RunRecord

_CONDITION = re.compile(r"\s*([\w.]+)\s*(<=|>=|!=|==?|<|>)(.*)", re.DOTALL)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_DURATION = re.compile(r"(\d+(?:\.\d*)?)\s*(s|min|h|d)")
_UNIT_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
_COLUMN_VALUES = {column.name: column.value for column in COLUMNS}
_OTHER_VALUES: dict[str, Callable[[RunRecord, datetime], Any]] = {
    "sweep": lambda record, now: record.sweep,
    "expect": lambda record, now: record.expect,
}


@dataclass(frozen=True)
class Condition:
    """`KEY OPERATOR VALUE`, as in `labels>=300` or `teacher.preset=oracle`."""

    key: str
    operator: str
    wanted: Any

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """The condition that `--where` was given. Raises ConfigError where it is none."""
        found = _CONDITION.fullmatch(text)
        if found is None:
            raise ConfigError(
                f"--where: got {text!r}, expected KEY=VALUE, or another of {', '.join(_OPERATORS)}, in quotes; "
                "for example --where 'labels>=300'"
            )
        key, symbol, wanted = found.groups()
        return cls(key, symbol, _literal(key, wanted.strip()))

    def holds(self, record: RunRecord, now: datetime) -> bool:
        """Never of a run that has no such value."""
        value = value_of(record, self.key, now)
        if value is None:
            return self.wanted is None and self.operator in ("=", "==")
        try:
            return bool(_OPERATORS[self.operator](value, self.wanted))
        except TypeError:  # text against a number has no order
            return False


def value_of(record: RunRecord, key: str, now: datetime) -> Any:
    """The value of a run by the name of a column, a key of its summary, or a key of its configuration."""
    derived = _COLUMN_VALUES.get(key) or _OTHER_VALUES.get(key)
    if derived is not None:
        return derived(record, now)
    if key in record.facts:
        return record.facts[key]
    try:
        return record.config.value(key)
    except ValueError:
        return None


def select(
    records: Sequence[RunRecord],
    now: datetime,
    *,
    env: str | None = None,
    status: str | None = None,
    where: Sequence[Condition] = (),
) -> list[RunRecord]:
    """The runs for which everything given holds; `env` is any part of the environment's id, in either case.

    Raises:
        ConfigError: no run has the key of a condition.
    """
    for condition in where:
        require_key(records, condition.key, now, "--where")
    kept = list(records)
    if env is not None:
        kept = [record for record in kept if env.lower() in str(record.facts.get("env") or "").lower()]
    if status is not None:
        kept = [record for record in kept if record.status == status]
    for condition in where:
        kept = [record for record in kept if condition.holds(record, now)]
    return kept


def sort_by(records: Sequence[RunRecord], key: str, now: datetime, *, reverse: bool = False) -> list[RunRecord]:
    """In the order of a key: numbers before text, runs without the value last, either way round.

    Raises:
        ConfigError: no run has the key.
    """
    require_key(records, key, now, "--sort")
    valued = [(value_of(record, key, now), record) for record in records]
    known = [(value, record) for value, record in valued if value is not None]
    known.sort(key=lambda pair: _order(pair[0]), reverse=reverse)
    return [record for _, record in known] + [record for value, record in valued if value is None]


def require_key(records: Sequence[RunRecord], key: str, now: datetime, option: str) -> None:
    """Raises ConfigError where none of the runs, of which there are some, knows a key."""
    if not records or key in _COLUMN_VALUES or key in _OTHER_VALUES:
        return
    if any(value_of(record, key, now) is not None for record in records):
        return
    known = {*_COLUMN_VALUES, *_OTHER_VALUES}
    for record in records:
        known.update(record.facts)
    if key in known:
        return
    for record in records[:1]:
        known.update(_config_keys(record))
    if key in known:  # null in every run
        return
    close = difflib.get_close_matches(key, sorted(known), n=1)
    hint = f"did you mean {close[0]}?" if close else f"columns: {', '.join(_COLUMN_VALUES)}"
    raise ConfigError(
        f"{option}: no run has the key {key!r}; expected a column, a key of summary.json, or section.field of the "
        f"configuration; {hint}"
    )


def _config_keys(record: RunRecord) -> list[str]:
    try:
        return list(record.config.flat())
    except ValueError:
        return []


def _literal(key: str, text: str) -> Any:
    """The value that a text stands for, typed as in YAML; of an age in seconds."""
    duration = _DURATION.fullmatch(text)
    if key == "age" and duration is not None:
        return float(duration.group(1)) * _UNIT_SECONDS[duration.group(2)]
    if key == "age":
        raise ConfigError(f"--where: got the age {text!r}, expected a number and s, min, h or d; for example 'age<2d'")
    try:
        return float(text)
    except ValueError:
        pass
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _order(value: Any) -> tuple[int, Any]:
    return (0, value) if isinstance(value, int | float) else (1, str(value))
