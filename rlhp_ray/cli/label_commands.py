"""`rlhp label`: people compare clips in a browser."""

import argparse
import re

from rlhp_ray.cli.commands import existing
from rlhp_ray.errors import ConfigError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}")


def label(arguments: argparse.Namespace, command: str) -> int:
    """`rlhp label RUN|DIR`."""
    del command  # nothing is archived but the answers
    directory = existing(arguments.directory, "a run, or a directory with saved preferences")
    if not _NAME.fullmatch(arguments.labeller):
        raise ConfigError(
            f"--labeller: got {arguments.labeller!r}; expected letters, digits, dots and dashes, 50 at most; shorten it"
        )
    if not arguments.instruction.strip():
        raise ConfigError("--instruction: got an empty text; expected what people are asked; leave it out or write it")
    from rlhp_ray.labelling.session import serve_labels

    print(serve_labels(directory, arguments.port, arguments.labeller, arguments.instruction), flush=True)
    return 0
