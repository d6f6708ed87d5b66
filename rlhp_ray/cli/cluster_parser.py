"""The options of `rlhp sweep` and `rlhp resume` that say on which cluster."""

import argparse


def add_cluster_options(command: argparse.ArgumentParser) -> None:
    """Add `--address`, `--submit` and `--then-down`."""
    where = command.add_mutually_exclusive_group()
    where.add_argument(
        "--address", metavar="auto|HOST:PORT", help="run on the cluster that this machine is a node of (its head, best)"
    )
    where.add_argument(
        "--submit", metavar="URL", help="run as a job of the cluster whose dashboard is there, and follow its log"
    )
    command.add_argument(
        "--then-down", action="store_true", help="take the cluster down when the sweep is done, with `ray down`"
    )
