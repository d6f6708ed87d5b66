"""Overrides of the command line, `section.field=value`, laid over the data of a configuration file."""

import copy
from collections.abc import Sequence
from typing import Any

from rlhp_ray.config import field_guide
from rlhp_ray.config.yaml_text import parse_yaml


def apply_overrides(data: dict[str, Any], overrides: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """The data with the overrides laid over it, the last one winning, and one line per override that is none."""
    result = copy.deepcopy(data)
    problems = []
    for override in overrides:
        try:
            key, value = parse_override(override)
            _set(result, key, value)
        except ValueError as error:
            problems.append(f"override {override!r}: {error}")
    return result, problems


def parse_override(override: str) -> tuple[str, Any]:
    """`key=value` as its dotted key and its value, typed as YAML types it, except that a text key takes any text."""
    key, equals, text = override.partition("=")
    key = key.strip()
    if not equals:
        raise ValueError("got no '=', expected section.field=value, for example preferences.labels=200")
    if not all(key.split(".")):
        raise ValueError(f"got the key {key!r}, expected names joined by single dots, for example preferences.labels")
    if field_guide.is_text_key(key):
        return key, _text_value(key, text.strip())
    try:
        return key, parse_yaml(text)
    except ValueError as error:
        raise ValueError(f"the value is not valid YAML: {error}") from None


def _text_value(key: str, text: str) -> str | None:
    if text in ("", "null", "~") and field_guide.accepts_null(key):
        return None
    quoted = len(text) >= 2 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text


def _set(data: dict[str, Any], key: str, value: Any) -> None:
    if key in field_guide.section_names():
        keys = field_guide.suggest_key(f"{key}.")
        raise ValueError(f"{key} is a section, and would be replaced whole; set its keys one by one: {keys}")
    *parents, leaf = key.split(".")
    for depth, parent in enumerate(parents, start=1):
        data = data.setdefault(parent, {})
        if not isinstance(data, dict):
            raise ValueError(f"{'.'.join(parents[:depth])} is a single value, expected a section; remove .{leaf}")
    data[leaf] = value
