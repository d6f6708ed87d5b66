"""`rlhp label`: people compare clips in a browser."""

import argparse
import re
import sys

from rlhp_ray.cli.commands import existing
from rlhp_ray.errors import ConfigError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}")


def label(arguments: argparse.Namespace, command: str) -> int:
    """`rlhp label RUN|SWEEP|DIR`."""
    del command  # nothing is archived but the answers
    directory = existing(arguments.directory, "a run, of a sweep, or with saved preferences")
    _require_name("--labeller", arguments.labeller)
    if not arguments.instruction.strip():
        raise ConfigError("--instruction: got an empty text; expected what people are asked; leave it out or write it")
    if arguments.invite is not None:
        _require_name("--invite", arguments.invite)
    from rlhp_ray.labelling.serving_options import ServingOptions
    from rlhp_ray.labelling.session import invite, serve_labels

    options = ServingOptions(arguments.port, arguments.host, arguments.address, arguments.certificate, arguments.key)
    if arguments.invite is not None:
        link = invite(directory, options, arguments.invite)
        print(
            f"rlhp: the link of {arguments.invite}, shown this once; an earlier one ends", file=sys.stderr, flush=True
        )
        print(link, flush=True)
        return 0
    print(serve_labels(directory, options, arguments.labeller, arguments.instruction), flush=True)
    return 0


def _require_name(option: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{option}: got {name!r}; expected letters, digits, dots and dashes, 50 at most; shorten it")
