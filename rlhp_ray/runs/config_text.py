"""Values of an archived `config.yaml`, read key by key: fast enough for thousands of runs, and for runs of any version.

The file is one that `dump_config` wrote: each top-level key begins a line, and what belongs to it is indented. Only the
blocks that are asked for are parsed, and equal blocks only once: most runs share most of their sections.
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

_TOP_LEVEL_KEY = re.compile(r"^(\w+):", re.MULTILINE)
_REMEMBERED_BLOCKS = 10_000


class ConfigText:
    """The text of one `config.yaml`.

    Raises (from every method but the constructor):
        ValueError: what was asked for is not valid YAML.
    """

    def __init__(self, text: str) -> None:
        starts = [(found.group(1), found.start()) for found in _TOP_LEVEL_KEY.finditer(text)]
        starts.append(("", len(text)))
        self._blocks = {key: text[start:end] for (key, start), (_, end) in itertools.pairwise(starts)}

    def __contains__(self, top_level_key: str) -> bool:
        return top_level_key in self._blocks

    def value(self, dotted_key: str) -> Any:
        """What stands under `section.field` or deeper; None where nothing does."""
        first, *deeper = dotted_key.split(".")
        if first not in self._blocks:
            return None
        value = _parse(self._blocks[first])[first]
        for part in deeper:
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    def flat(self) -> dict[str, Any]:
        """Every value by its dotted key; a list is one value."""
        return {key: value for block in self._blocks for key, value in _leaves(block, self.value(block))}


def _leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, deeper in value.items():
            yield from _leaves(f"{key}.{name}", deeper)
    else:
        yield key, value


@lru_cache(maxsize=_REMEMBERED_BLOCKS)
def _parse(block: str) -> dict[str, Any]:
    import yaml  # only now: a plain listing of runs without questions needs none

    try:
        data = yaml.load(block, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    if not isinstance(data, dict) or len(data) != 1:
        raise ValueError(f"not one key and its value: {block[:40]!r}")
    return data
