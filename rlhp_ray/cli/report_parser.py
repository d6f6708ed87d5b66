"""What `rlhp report` accepts, and the help for it."""

import argparse
import math
from typing import Any

from rlhp_ray.cli.preference_parser import AddCommand

_REPORT = """\
Write one page about runs: did they learn, on how many seeds, at what price, with learning curves, what the predictor
knows, entropy, time, memory, cost and videos. It opens from disk and needs no network. The last line on standard output
is its file.

examples:
  rlhp report runs/moving_dot-sweep-1a2b3c
  rlhp report runs/cartpole-sweep-4d5e6f --threshold 475
  rlhp report runs/pendulum-0 runs/pendulum-1 --output pendulum-report

Runs that differ by their seed alone are averaged; different environments and settings never are. A directory that holds
runs stands for all of them."""


def add_report(subparsers: Any, add_command: AddCommand) -> None:
    """Add `report`."""
    report = add_command(subparsers, "report", "write a page about runs or a sweep", _REPORT)
    report.add_argument("paths", metavar="RUN|SWEEP", nargs="+", help="directories of runs or sweeps")
    report.add_argument(
        "--output",
        metavar="DIR",
        help="directory for report.html and its figures (default: the run or sweep; of several, the one around them)",
    )
    report.add_argument(
        "--threshold",
        metavar="X",
        type=_true_return,
        help="true return that counts as success: how many seeds reach it",
    )
    report.add_argument(
        "--watch", action="store_true", help="write it again every few seconds until the runs have ended"
    )


def _true_return(given: str) -> float:
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"got {given!r}, expected a true return, such as 475 or -100")
    return value
