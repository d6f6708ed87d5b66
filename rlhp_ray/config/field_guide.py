"""What the schema says about each dotted key, in words: what it expects, an example, and which key was likely meant."""

import difflib
from collections.abc import Iterable
from functools import cache
from typing import Any

from rlhp_ray.config.schema import RunConfig


@cache
def key_schemas() -> dict[str, dict[str, Any]]:
    """The JSON schema of every settable key, by its dotted name (`preferences.labels`)."""
    root = RunConfig.model_json_schema()
    keys: dict[str, dict[str, Any]] = {}
    for name, schema in root["properties"].items():
        if "$ref" in schema:
            section = root["$defs"][schema["$ref"].rpartition("/")[2]]
            keys.update({f"{name}.{leaf}": field for leaf, field in section["properties"].items()})
        else:
            keys[name] = schema
    return keys


def section_names() -> list[str]:
    """The names of the sections (`env`, `training`, ...)."""
    return list(dict.fromkeys(key.partition(".")[0] for key in key_schemas() if "." in key))


def is_text_key(key: str) -> bool:
    """Whether the key takes any text, so that nothing on the command line needs YAML quotes."""
    return _alternatives(key_schemas().get(key, {}))[:1] == ["text"]


def accepts_null(key: str) -> bool:
    """Whether the key may be null."""
    return "null" in _alternatives(key_schemas().get(key, {}))


def expected_text(key: str) -> str:
    """What the key expects, for example `an integer >= 1, auto or null`."""
    return join_words(_alternatives(key_schemas()[key], with_range=True))


def choices(key: str) -> list[str]:
    """The words that the key allows, if it is a choice among words."""
    parts = key_schemas()[key].get("anyOf", [key_schemas()[key]])
    return [word for part in parts for word in part.get("enum", [part["const"]] if "const" in part else [])]


def suggest_key(key: str) -> str:
    """`did you mean ...?` for an unknown dotted key, or the keys that its section has."""
    section, _, leaf = key.rpartition(".")
    siblings = _keys_of(section)
    elsewhere = [known for known in key_schemas() if known.rpartition(".")[2] == leaf]
    if elsewhere:
        return f"did you mean {join_words(elsewhere)}?"
    close = difflib.get_close_matches(leaf, siblings, n=1)
    if close:
        return f"did you mean {f'{section}.' if section else ''}{close[0]}?"
    where = f"section {section}" if section else "top level"
    return f"the keys of the {where} are {', '.join(siblings)}"


def closest(word: str, known: Iterable[str]) -> str:
    """`; did you mean ...?`, or nothing when nothing is close."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def join_words(words: list[str]) -> str:
    """`a, b or c`."""
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _keys_of(section: str) -> list[str]:
    if section:
        return [key.partition(".")[2] for key in key_schemas() if key.startswith(f"{section}.")]
    return [key for key in key_schemas() if "." not in key] + section_names()


def _alternatives(schema: dict[str, Any], with_range: bool = False) -> list[str]:
    if "anyOf" in schema:
        return [word for part in schema["anyOf"] for word in _alternatives(part, with_range)]
    if "enum" in schema or "const" in schema:
        return [str(word) for word in schema.get("enum", [schema.get("const")])]
    if "words" in schema:
        return [str(schema["words"])]
    if "prefixItems" in schema:
        return [f"[{', '.join(_alternatives(item, with_range)[0] for item in schema['prefixItems'])}]"]
    if schema.get("type") == "array":
        items = "pairs" if "prefixItems" in schema["items"] else "numbers"
        return [f"a list of one or more {items}, each {_alternatives(schema['items'], with_range)[0]}"]
    if isinstance(schema.get("additionalProperties"), dict):
        return [f"names, each with {_alternatives(schema['additionalProperties'], with_range)[0]}"]
    if "pattern" in schema:
        return ["a name of letters, digits, '.', '_' and '-' (first a letter or digit)" if with_range else "text"]
    kind = {"integer": "an integer", "number": "a number", "string": "text", "object": "a section of settings"}
    text = kind.get(schema.get("type", ""), str(schema.get("type", "")))
    return [text + _range_text(schema) if with_range else text]


def _range_text(schema: dict[str, Any]) -> str:
    bounds = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    limits = [f"{sign} {schema[bound]:g}" for bound, sign in bounds.items() if bound in schema]
    if schema.get("minLength"):
        return ", not empty"
    return f" {' and '.join(limits)}" if limits else ""
