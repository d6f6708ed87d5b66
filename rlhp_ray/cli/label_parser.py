"""What `rlhp label` accepts, and the help for it."""

from typing import Any

from rlhp_ray.cli.argument_types import positive_int
from rlhp_ray.cli.preference_parser import AddCommand

_LABEL = """\
Serve a page on which people say which of two clips is better: of a run with teacher.preset=people, which starts its
own page too, of a sweep whose seeds share the answers (scope=sweep), or of the saved clips of a directory, without a
run. Ctrl-C ends it; every answer is on disk before the page says so. The last line on standard output is the directory
that holds the answers.

example:
  rlhp label runs/moving_dot-3-k2f
  rlhp label runs/moving_dot-gathered-seed0 --labeller ada

The page listens on this machine's loopback address alone, where nobody needs an invitation. For other machines:

  rlhp label RUN --host label.example.org --certificate chain.pem --key key.pem
  rlhp label RUN --invite ada

The second prints the link of one person, once; without such a link nobody is let in."""
_QUESTION = "Which of the two clips is better?"


def add_label(subparsers: Any, add_command: AddCommand) -> None:
    """Add `label`."""
    parser = add_command(subparsers, "label", "serve a page on which people compare clips", _LABEL)
    parser.add_argument(
        "directory", metavar="RUN|SWEEP|DIR", help="a run, a sweep with scope=sweep, or saved preferences"
    )
    parser.add_argument("--port", metavar="P", type=positive_int, help="to listen at (default: 8420 or the next free)")
    parser.add_argument(
        "--host",
        metavar="HOST",
        default="127.0.0.1",
        help="address or name of this machine to listen at (default: loopback)",
    )
    parser.add_argument("--address", metavar="URL", help="where people reach the page, if elsewhere, as behind a proxy")
    parser.add_argument("--certificate", metavar="PEM", help="certificate for TLS, with its chain")
    parser.add_argument("--key", metavar="PEM", help="key of the certificate")
    parser.add_argument("--invite", metavar="NAME", help="print a link for one person, and serve nothing")
    parser.add_argument(
        "--labeller", metavar="NAME", default="person", help="whose answers these are (default: person)"
    )
    parser.add_argument(
        "--instruction", metavar="TEXT", default=_QUESTION, help=f"asked about saved clips (default: {_QUESTION})"
    )
