"""`rlhp report`, and the report with which a sweep ends."""

import argparse
import sys
from pathlib import Path

from rlhp_ray.cli.commands import existing
from rlhp_ray.errors import RlhpError

_MAX_NAMED = 3  # directories in the title


def report(arguments: argparse.Namespace, command: str) -> int:
    """`rlhp report RUN|SWEEP ... [--threshold X] [--output DIR] [--watch]`."""
    del command  # nothing is archived
    paths = [existing(text, "a run or a sweep") for text in arguments.paths]
    from rlhp_ray.report.report_writing import ReportWriter, report_folder
    from rlhp_ray.report.run_collection import RunCollection

    collection = RunCollection(paths)
    collection.collect()  # before a directory is made for nothing
    output = None if arguments.output is None else Path(arguments.output).expanduser()
    writer = ReportWriter(collection, report_folder(paths, output), _title(paths), arguments.threshold)
    if arguments.watch:
        from rlhp_ray.report.watching import watch

        _say(f"writing {writer.file} until no run goes on; Ctrl-C ends it")
        watch(writer, _say)
    found = collection.collect() if arguments.watch else writer.write()
    for name, problem in found.damaged:
        _say(f"{name} is damaged: {problem}")
    print(writer.file, flush=True)
    return 0


def report_of_sweep(directory: Path) -> Path | None:
    """Write the report of a sweep into its directory; None, and a warning, where that fails: its runs are whole."""
    try:
        from rlhp_ray.report.report_writing import ReportWriter
        from rlhp_ray.report.run_collection import RunCollection

        writer = ReportWriter(RunCollection([directory]), directory, directory.name)
        writer.write()
    except Exception as error:
        kind = "" if isinstance(error, RlhpError) else f"unexpected {type(error).__name__}: "
        _say(f"warning: no report: {kind}{' '.join(str(error).split())}")
        return None
    return writer.file


def _title(paths: list[Path]) -> str:
    if len(paths) <= _MAX_NAMED:
        return ", ".join(map(str, paths))
    return f"{paths[0]}, {paths[1]} ... {paths[-1]}"


def _say(text: str) -> None:
    print(f"rlhp: {text}", file=sys.stderr, flush=True)
