"""What `rlhp runs` accepts, and the help for it."""

from collections.abc import Sequence
from typing import Any

from rlhp_ray.cli.preference_parser import AddCommand

_GROUP = """\
List the runs of a directory, look at one, compare two, annotate, delete, or make one again.

example:
  rlhp runs
  rlhp runs --env pendulum --where 'return>-250' --sort labels
  rlhp runs show runs/pendulum-3-k2f

`rlhp runs [DIR]` is short for `rlhp runs list [DIR]`; `rlhp runs COMMAND --help` explains a command."""
_LIST = """\
List the runs of a directory, and of the sweeps in it, the newest first. How many there are, and what is wrong with
damaged ones, is said on standard error.

example:
  rlhp runs list runs --status done --where 'labels>=300' --where teacher.preset=oracle --sort return --reverse

A KEY is the name of a column, a key of summary.json, or section.field of the configuration."""
_SHOW = """\
Print everything about a run at a glance: question, expectation, result, notes, command, code, versions, hardware, cost
and files.

example:
  rlhp runs show runs/pendulum-3-k2f"""
_DIFF = """\
Print what differs between two runs, and nothing else: configuration, code, versions, hardware, result, cost.

example:
  rlhp runs diff runs/pendulum-3-k2f runs/pendulum-4-d7e"""
_NOTE = """\
Add a note to a run, with the UTC time. `rlhp runs show` and `rlhp runs list --notes` show it.

example:
  rlhp runs note runs/pendulum-3-k2f "the seed that got stuck"
"""
_DELETE = """\
Delete runs, after saying what is freed and asking. Refused are what is no run, and runs that are running.

example:
  rlhp runs delete runs/pendulum-3-k2f runs/pendulum-4-d7e"""
_REPRODUCE = """\
Make a run again: check its archived code out into a directory of its own, train with that code and the same
configuration under a new name, and compare the results. The last line on standard output is the directory of the new
run. Exits 1 where a synchronous run gives another result. The code of the archive is run: reproduce only what comes
from people whom you trust.

example:
  rlhp runs reproduce runs/pendulum-3-k2f

An override is section.field=value, as for `rlhp train`; with any but name= and output_dir= nothing is compared."""
_COMMANDS = ("list", "show", "diff", "note", "delete", "reproduce")
_STATUSES = ("done", "failed", "interrupted", "stopped", "running", "killed", "unfinished", "damaged")
_RUN = "directory of a run"


def with_list(argv: Sequence[str]) -> list[str]:
    """The command line with the `list` that `rlhp runs` may leave out."""
    words = list(argv)
    if words[:1] == ["runs"] and (len(words) == 1 or words[1] not in (*_COMMANDS, "-h", "--help")):
        words.insert(1, "list")
    return words


def add_runs(subparsers: Any, add_command: AddCommand) -> None:
    """Add `runs` and what stands below it."""
    group = add_command(subparsers, "runs", "list, show, compare, annotate, delete or reproduce runs", _GROUP)
    below = group.add_subparsers(dest="runs_command", metavar="COMMAND", required=True)
    _add_list(add_command(below, "list", "list the runs of a directory", _LIST))
    show = add_command(below, "show", "everything about a run", _SHOW)
    show.add_argument("run", metavar="RUN", help=_RUN)
    diff = add_command(below, "diff", "what differs between two runs", _DIFF)
    diff.add_argument("left", metavar="A", help=_RUN)
    diff.add_argument("right", metavar="B", help=_RUN)
    note = add_command(below, "note", "add a note to a run", _NOTE)
    note.add_argument("run", metavar="RUN", help=_RUN)
    note.add_argument("text", metavar="TEXT", help="what to remember, in quotes")
    delete = add_command(below, "delete", "delete runs", _DELETE)
    delete.add_argument("runs", metavar="RUN", nargs="+", help=_RUN)
    delete.add_argument("--yes", action="store_true", help="do not ask")
    reproduce = add_command(below, "reproduce", "make a run again, with its own code", _REPRODUCE)
    reproduce.add_argument("run", metavar="RUN", help=_RUN)
    reproduce.add_argument("overrides", metavar="k=v", nargs="*", help="override, for example name=again")


def _add_list(parser: Any) -> None:
    parser.add_argument(
        "directory", metavar="DIR", nargs="?", default="runs", help="of runs or a sweep (default: runs)"
    )
    parser.add_argument("--env", metavar="E", help="only environments whose id contains E")
    parser.add_argument("--status", metavar="S", choices=_STATUSES, help=f"only with one of: {', '.join(_STATUSES)}")
    parser.add_argument(
        "--where",
        metavar="COND",
        action="append",
        default=[],
        help="only where KEY=VALUE holds, or another of != < <= > >=, in quotes; can be given several times",
    )
    parser.add_argument("--sort", metavar="KEY", default="age", help="smallest first (default: age)")
    parser.add_argument("--reverse", action="store_true", help="largest first")
    parser.add_argument("--notes", action="store_true", help="show the notes below each run")
    parser.add_argument(
        "--html",
        metavar="FILE.html",
        nargs="?",
        const="",
        help="write the list as a page instead, that opens from disk (default: runs.html in DIR)",
    )
