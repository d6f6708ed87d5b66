"""The form of `module:name`, by which a configuration points to Python code of the user's."""

import re

_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def is_target(text: str) -> bool:
    """Whether this is the dotted name of a module, a colon, and a name in it."""
    return _TARGET.fullmatch(text) is not None
