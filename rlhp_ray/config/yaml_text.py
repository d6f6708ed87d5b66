"""YAML as configurations need it: scientific notation is a number, and a key that stands twice is an error."""

import re
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, ScalarNode

from rlhp_ray.errors import ConfigError

_FLOAT_TAG = "tag:yaml.org,2002:float"
# YAML 1.1 wants a point in the mantissa and a sign in the exponent: to it 1e-3 and 1.0e3 are text.
_SCIENTIFIC = re.compile(r"^[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)[eE][-+]?[0-9]+$")
_NUMBER_STARTS = list("-+.0123456789")


class _ConfigLoader(yaml.SafeLoader):
    def compose_mapping_node(self, anchor: Any) -> MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if isinstance(key, ScalarNode):
                if (key.tag, key.value) in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} stands here a second time; keep one", key.start_mark
                    )
                seen.add((key.tag, key.value))
        return node


class _ConfigDumper(yaml.SafeDumper):
    pass


# The dumper resolves alike, so that text which reads "1e-3" is quoted and comes back as text.
_ConfigLoader.add_implicit_resolver(_FLOAT_TAG, _SCIENTIFIC, _NUMBER_STARTS)
_ConfigDumper.add_implicit_resolver(_FLOAT_TAG, _SCIENTIFIC, _NUMBER_STARTS)
_ConfigDumper.add_representer(
    tuple, lambda dumper, value: dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=True)
)


def parse_yaml(text: str) -> Any:
    """The value of one YAML document; raises `ValueError` with one line that says what is wrong and where."""
    try:
        return yaml.load(text, Loader=_ConfigLoader)  # a SafeLoader: plain data only
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ValueError(f"{error.problem or error.context}{where}") from None
    except (yaml.YAMLError, ValueError) as error:  # unprintable characters, impossible dates
        raise ValueError(" ".join(str(error).split())) from None


def read_yaml(path: Path, title: str) -> Any:
    """The value of a file of one YAML document.

    Args:
        path: of the file.
        title: what messages call it.

    Raises:
        FileNotFoundError: there is none.
        ConfigError: it cannot be read, is no text, or not valid.
    """
    try:
        return parse_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except UnicodeDecodeError:
        raise ConfigError(f"{title} {path}: got bytes that are not UTF-8, expected a YAML text file") from None
    except OSError as error:
        raise ConfigError(f"{title} {path}: cannot be read ({error.strerror}); check its permissions") from None
    except ValueError as error:
        raise ConfigError(f"{title} {path}: not valid YAML: {error}") from None


def format_yaml(value: Any) -> str:
    """YAML that `parse_yaml` reads back equal; raises `ValueError` for what YAML cannot hold."""
    try:
        text: str = yaml.dump(value, Dumper=_ConfigDumper, sort_keys=False, allow_unicode=True, width=120)
    except yaml.representer.RepresenterError as error:
        raise ValueError(f"not plain data: {error.args[-1]!r}") from None
    return text


def format_value(value: Any, max_chars: int = 60) -> str:
    """One short line of YAML, for messages."""
    try:
        text = yaml.dump(value, Dumper=_ConfigDumper, default_flow_style=True, allow_unicode=True, width=10**6)
    except yaml.representer.RepresenterError:
        text = repr(value)
    text = " ".join(text.removesuffix("...\n").split())
    return text if len(text) <= max_chars else text[: max_chars - 3] + "..."
