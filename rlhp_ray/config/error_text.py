"""Validation errors of the schema as lines that say what was wrong, what came, what was expected, what to do."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from rlhp_ray.config import field_guide
from rlhp_ray.config.yaml_text import format_value, parse_yaml

# In this order: a bool is an int to Python.
_KINDS: dict[type, str] = {
    bool: "a boolean",
    int: "an integer",
    float: "a number with a fraction",
    str: "text",
    dict: "a section",
    list: "a list",
    tuple: "a list",
}


def validation_lines(error: ValidationError) -> list[str]:
    """One line per wrong key, in the order of the schema; a key with several alternatives is told once."""
    lines: dict[str, str] = {}
    for detail in error.errors(include_url=False):
        key, line = _line(detail["type"], detail["loc"], detail["input"])
        lines.setdefault(key, line)
    return list(lines.values())


def join_lines(source: str, lines: Sequence[str]) -> str:
    """One error on one line, several below a heading."""
    if len(lines) == 1:
        return f"{source}: {lines[0]}"
    return "\n".join([f"{source}: {len(lines)} errors", *(f"  {line}" for line in lines)])


def _line(error_type: str, loc: tuple[int | str, ...], value: Any) -> tuple[str, str]:
    key = _known_prefix(loc)
    dotted = ".".join(str(part) for part in loc)
    if error_type == "extra_forbidden":
        return dotted, f"unknown key {dotted} (got {format_value(value)}); {field_guide.suggest_key(dotted)}"
    if error_type == "invalid_key" or loc[-1] == "[key]":
        shown = dotted.removesuffix(".[key]")
        return shown, f"key {shown}: got {_kind(loc[-2] if loc[-1] == '[key]' else loc[-1])}, expected text; quote it"
    if error_type == "missing" and dotted == key:
        return key, f"{key} is missing; expected {field_guide.expected_text(key)}; {_advice(key, None)}"
    if key in field_guide.section_names():
        keys = field_guide.suggest_key(f"{key}.")
        return key, f"{key}: got {described(value)}, expected a section; set its keys one by one: {keys}"
    whole = _offender(loc, key)
    got = f"{whole} {described(value)}".strip()
    return key, f"{key}: got {got}, expected {field_guide.expected_text(key)}; {_advice(key, value)}"


def _known_prefix(loc: tuple[int | str, ...]) -> str:
    """The dotted key that an error belongs to: pydantic adds the alternative tried, or the place in a list."""
    for length in (2, 1):
        key = ".".join(str(part) for part in loc[:length])
        if key in field_guide.key_schemas() or key in field_guide.section_names():
            return key
    return str(loc[0])


def _offender(loc: tuple[int | str, ...], key: str) -> str:
    index = loc[len(key.split(".")) :]
    if index and "additionalProperties" in field_guide.key_schemas()[key]:
        return f"{index[0]}:"
    return f"element {index[0] + 1}," if index and isinstance(index[0], int) else ""


def _advice(key: str, value: Any) -> str:
    schema = field_guide.key_schemas()[key]
    if "advice" in schema:
        return str(schema["advice"])
    if isinstance(value, float) and value.is_integer() and "an integer" in field_guide.expected_text(key):
        return f"write {int(value)}"
    if isinstance(value, str):
        close = field_guide.closest(value, field_guide.choices(key))
        if close:
            return close.removeprefix("; ")
        if _is_number(value):
            return "write it without quotes"
    elif field_guide.is_text_key(key) and value is not None:
        return "write it in quotes"
    if "default" in schema:
        return f"leave it out for the default, {format_value(schema['default'])}"
    return f"set it, for example {key}={format_value(schema['examples'][0])}"


def _is_number(text: str) -> bool:
    try:
        return isinstance(parse_yaml(text), int | float)
    except ValueError:
        return False


def described(value: Any) -> str:
    """A value with its kind, for messages."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, str):
        return f"the text {value!r}" if len(value) <= 60 else f"the text {value[:57]!r}..."
    return f"{format_value(value)} ({_kind(value)})"


def _kind(value: object) -> str:
    return next((text for kind, text in _KINDS.items() if isinstance(value, kind)), type(value).__name__)
