"""What `rlhp preferences` accepts, and the help for it."""

import argparse
from collections.abc import Callable
from typing import Any

AddCommand = Callable[[Any, str, str, str], argparse.ArgumentParser]

_GROUP = """\
Gather preferences without a run, look at saved ones, write them as open files, read them back, put several together,
or withdraw those of one person.

example:
  rlhp preferences stats runs/pendulum-3-k2f

`rlhp preferences COMMAND --help` explains a command. A SOURCE is the directory of a run, its preferences.sqlite (or
any other preference database), or a directory that `rlhp preferences export` wrote. But for `withdraw`
it is never changed."""
_GATHER = """\
Record clips of an untrained policy (or, with policy.load, of a given one), have the teacher compare them, and save all
preferences.labels answers. Nothing is trained. The last line on standard output is the directory, which
preferences.load= takes; the rest goes to standard error.

example:
  rlhp preferences gather moving_dot preferences.labels=500

CONFIG and overrides are those of `rlhp train`."""
_STATS = """\
Print what saved preferences are about, how many there are, and what was answered by whom.

example:
  rlhp preferences stats runs/pendulum-3-k2f"""
_EXPORT = """\
Write preferences as open files: preferences.parquet, the clips as NPZ, and header.json. The last line on standard
output is the directory.

example:
  rlhp preferences export runs/pendulum-3-k2f pendulum-preferences"""
_IMPORT = """\
Make a preference database of an export. The last line on standard output is the database.

example:
  rlhp preferences import pendulum-preferences pendulum.sqlite"""
_MERGE = """\
Put the preferences of several sources into one new database: about the same environment, spaces and clip length, with
duplicates stored once and queries numbered anew. The last line on standard output is the database.

example:
  rlhp preferences merge both.sqlite runs/pendulum-3-k2f runs/pendulum-4-d7e"""
_WITHDRAW = """\
Record that all answers of one person, given or to come, count no more, or with another weight. Nothing is deleted, and
the newest record holds: --weight 1 takes a withdrawal back. A run that goes on fits its reward anew in its next round.
For one that has ended, fit a reward without those answers: rlhp reward fit CONFIG preferences.load=RUN. The last line
on standard output is RUN.

example:
  rlhp preferences withdraw runs/moving_dot-3-k2f --labeller ada"""
_SOURCE = "directory of a run, preference database, or export"


def add_preferences(subparsers: Any, add_command: AddCommand) -> None:
    """Add `preferences` and what stands below it."""
    group = add_command(subparsers, "preferences", "gather, look at, export, import or merge preferences", _GROUP)
    below = group.add_subparsers(dest="preferences_command", metavar="COMMAND", required=True)
    gather = add_command(below, "gather", "make preferences of an untrained or a given policy", _GATHER)
    gather.add_argument("config", metavar="CONFIG", help="name of a shipped configuration, or a path")
    gather.add_argument("overrides", metavar="k=v", nargs="*", help="override, for example preferences.labels=500")
    stats = add_command(below, "stats", "say what saved preferences hold", _STATS)
    stats.add_argument("source", metavar="SOURCE", help=_SOURCE)
    export = add_command(below, "export", "write preferences as Parquet, NPZ and JSON", _EXPORT)
    export.add_argument("source", metavar="SOURCE", help=_SOURCE)
    export.add_argument("directory", metavar="DIRECTORY", help="directory to be made")
    withdraw = add_command(below, "withdraw", "count a labeller's answers no more, or otherwise", _WITHDRAW)
    withdraw.add_argument("source", metavar="RUN", help="directory of a run, or preference database")
    withdraw.add_argument("--labeller", metavar="NAME", required=True, help="whose answers, as `stats` names sources")
    withdraw.add_argument(
        "--weight", metavar="W", type=float, default=0.0, help="by what their labels are multiplied (default: 0)"
    )
    importing = add_command(below, "import", "make a database of an export", _IMPORT)
    importing.add_argument("directory", metavar="DIRECTORY", help="directory that an export wrote")
    importing.add_argument("database", metavar="DATABASE.sqlite", help="database to be made")
    merge = add_command(below, "merge", "put several sources into one database", _MERGE)
    merge.add_argument("out", metavar="OUT.sqlite", help="database to be made")
    merge.add_argument("first", metavar="SOURCE", help=_SOURCE)
    merge.add_argument("others", metavar="SOURCE", nargs="+", help="further sources, about the same")
