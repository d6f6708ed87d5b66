"""The columns of the index: what each is called, what it is sorted by and how it is written."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rlhp_ray.runs import value_text
from rlhp_ray.runs.run_record import RunRecord


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        name: its heading, and the key to sort and filter by.
        value: of a run at the time `now`, for sorting and filtering; None where it is not known.
        text: of that value.
        is_number: whether it stands at the right.
    """

    name: str
    value: Callable[[RunRecord, datetime], Any]
    text: Callable[[Any], str]
    is_number: bool = False


def _fact(key: str) -> Callable[[RunRecord, datetime], Any]:
    return lambda record, now: record.facts.get(key)


COLUMNS = (
    Column("run", lambda record, now: record.name, value_text.plain_text),
    Column("env", _fact("env"), value_text.plain_text),
    Column("algorithm", _fact("algorithm"), value_text.plain_text),
    Column("seed", _fact("seed"), value_text.plain_text, is_number=True),
    Column("labels", _fact("labels"), value_text.count_text, is_number=True),
    Column("return", _fact("true_return_mean"), value_text.return_text, is_number=True),
    Column("status", lambda record, now: record.status, value_text.plain_text),
    Column("age", lambda record, now: value_text.age_seconds(record.started, now), value_text.age_text, is_number=True),
    Column("cpu_hours", _fact("cpu_hours"), value_text.share_text, is_number=True),
    Column("cost", _fact("cost"), value_text.money_text, is_number=True),
    Column("mode", _fact("mode"), value_text.plain_text),
    Column("reward_source", _fact("reward_source"), value_text.plain_text),
    Column("question", lambda record, now: record.question, value_text.plain_text),
)
"""`return` is the true return of the final evaluation; of a run under way, of the newest one."""
