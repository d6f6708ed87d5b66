"""Tells of sources of labels that were given a weight and never answer: most likely a name misspelt."""

from collections.abc import Collection, Sequence

from rlhp_ray.preferences.preference import Preference


class SourceNotices:
    """Follows who answers.

    Args:
        named: sources in preferences.source_weights.
    """

    def __init__(self, named: Collection[str]) -> None:
        self._silent = dict.fromkeys(named)
        self._told = False
        self._sources: dict[str, None] = {}

    def take_in(self, preferences: Sequence[Preference]) -> None:
        """Note who answered."""
        for preference in preferences:
            self._sources[preference.source] = None
            self._silent.pop(preference.source, None)

    def take(self) -> list[str]:
        """Once there are answers, one text on all that are named and have given none; nothing from then on."""
        if self._told or not self._sources:
            return []
        self._told = True
        if not self._silent:
            return []
        return [
            f"preferences.source_weights names {_quoted(self._silent)}, from which no answer has come so far; answers "
            f"are from {_quoted(self._sources)}. A weight changes nothing without answers: check the name."
        ]


def _quoted(names: Collection[str]) -> str:
    return ", ".join(repr(name) for name in names)
