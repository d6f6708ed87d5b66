"""`rlhp runs ...`: the index of runs, and what can be done with the runs in it."""

import argparse
import contextlib
import os
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rlhp_ray.cli.commands import existing
from rlhp_ray.errors import ConfigError


def runs(arguments: argparse.Namespace, command: str) -> int:
    """`rlhp runs [list]|show|diff|note|delete|reproduce`."""
    del command  # nothing of it is archived: a run that is made again has the command that makes it
    run: dict[str, Callable[[argparse.Namespace], int]] = {
        "list": _list,
        "show": _show,
        "diff": _diff,
        "note": _note,
        "delete": _delete,
        "reproduce": _reproduce,
    }
    return run[arguments.runs_command](arguments)


def _list(arguments: argparse.Namespace) -> int:
    from rlhp_ray.runs.run_index import read_index
    from rlhp_ray.runs.run_selection import Condition, select, sort_by
    from rlhp_ray.runs.run_table import run_table, tally

    conditions = [Condition.parse(text) for text in arguments.where]
    directory, now = Path(arguments.directory).expanduser(), datetime.now(UTC)
    records = read_index(directory)
    ordered = sort_by(records, arguments.sort, now, reverse=arguments.reverse)
    kept = select(ordered, now, env=arguments.env, status=arguments.status, where=conditions)
    if arguments.html is not None:
        return _write_page(arguments.html, directory, kept, now)
    if kept:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        print(run_table(kept, now, width=width, with_notes=arguments.notes), flush=True)
    for record in kept:
        if record.problem is not None:
            _say(f"{record.archive.directory} is damaged: {record.problem}")
    _say(f"{tally(kept)} in {directory}" + (f", of {len(records):,}" if len(kept) < len(records) else ""))
    return 0


def _write_page(name: str, directory: Path, records: list, now: datetime) -> int:
    from rlhp_ray.runs.run_page import DEFAULT_NAME, write_page

    file = Path(name).expanduser() if name else directory / DEFAULT_NAME
    if file.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(
            f"--html: got {name!r}, expected a file name that ends in .html; put DIR first: rlhp runs {name} --html"
        )
    write_page(file, records, now, str(directory))
    print(file, flush=True)
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from rlhp_ray.runs.run_details import describe
    from rlhp_ray.runs.run_index import open_run

    print(describe(open_run(existing(arguments.run, "a run")), datetime.now(UTC)), flush=True)
    return 0


def _diff(arguments: argparse.Namespace) -> int:
    from rlhp_ray.runs.run_differences import difference_table, differences
    from rlhp_ray.runs.run_index import open_run

    left, right = (open_run(existing(run, "a run")) for run in (arguments.left, arguments.right))
    print(f"{left.archive.directory}\n{right.archive.directory}\n", flush=True)
    print(difference_table(differences(left, right)), flush=True)
    return 0


def _note(arguments: argparse.Namespace) -> int:
    from rlhp_ray.runs.notes import add_note
    from rlhp_ray.runs.run_index import open_run

    archive = open_run(existing(arguments.run, "a run")).archive
    add_note(archive, arguments.text)
    _say(f"noted in {archive.notes_file}")
    return 0


def _delete(arguments: argparse.Namespace) -> int:
    from rlhp_ray.runs.deletion import delete_run, freed_table, runs_to_delete
    from rlhp_ray.runs.value_text import bytes_text

    records = runs_to_delete([existing(run, "a run") for run in arguments.runs])
    table, size = freed_table(records)
    print(table, flush=True)
    what = f"{len(records)} run{'' if len(records) == 1 else 's'}, {bytes_text(size)}"
    if not arguments.yes and not _agreed(f"Delete {what}, for good? [y/N] "):
        _say("nothing was deleted")
        return 1
    for record in records:
        delete_run(record)
    _say(f"deleted {what}")
    return 0


def _reproduce(arguments: argparse.Namespace) -> int:
    from rlhp_ray.config.loading import check_overrides
    from rlhp_ray.runs.reproduction import plan_reproduction, reproduce
    from rlhp_ray.runs.run_index import open_run

    original = open_run(existing(arguments.run, "a run"))
    check_overrides(arguments.overrides)
    plan = plan_reproduction(original, arguments.overrides)
    code = reproduce(plan, _say)
    if plan.directory.is_dir():
        with contextlib.suppress(BrokenPipeError):  # it is written, whether or not anyone reads on
            print(plan.directory, flush=True)
    return code


def _agreed(question: str) -> bool:
    if not os.isatty(sys.stdin.fileno()):
        raise ConfigError("nobody can be asked, as standard input is no terminal; add --yes to delete without asking")
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _say(text: str) -> None:
    print(f"rlhp: {text}", file=sys.stderr, flush=True)
