"""`rlhp preferences ...`: preferences gathered, looked at, written as open files, read back and put together."""

import argparse
import contextlib
import sys
from collections.abc import Callable
from pathlib import Path

from rlhp_ray.cli.commands import existing
from rlhp_ray.errors import ConfigError
from rlhp_ray.preferences.new_target import require_free

_LEAST_WEIGHT, _MOST_WEIGHT = 0.001, 1000.0  # as preferences.source_weights
_SOURCE = "a run, or a preference database or export"


def preferences(arguments: argparse.Namespace, command: str) -> int:
    """`rlhp preferences gather|stats|export|import|merge|withdraw`."""
    run: dict[str, Callable[[argparse.Namespace], None]] = {
        "gather": lambda arguments: _gather(arguments, command),
        "stats": _stats,
        "export": _export,
        "import": _import,
        "merge": _merge,
        "withdraw": _withdraw,
    }
    run[arguments.preferences_command](arguments)
    return 0


def _gather(arguments: argparse.Namespace, command: str) -> None:
    from rlhp_ray.config.loading import load_config
    from rlhp_ray.config.validation import validate_gathering

    config = load_config(arguments.config, arguments.overrides)
    description = validate_gathering(config)

    from rlhp_ray.experiment.gathering import gather_preferences

    directory = gather_preferences(config, description, config_name=Path(arguments.config).stem, command=command)
    _finish(f"{config.preferences.labels:,} preferences were gathered", directory)


def _stats(arguments: argparse.Namespace) -> None:
    path = existing(arguments.source, _SOURCE)

    from rlhp_ray.preferences.preference_statistics import gather_statistics, statistics_table
    from rlhp_ray.preferences.source_location import open_source

    with open_source(path) as source:
        table = statistics_table(gather_statistics(source))
    print(table, flush=True)


def _export(arguments: argparse.Namespace) -> None:
    path = existing(arguments.source, _SOURCE)
    directory = Path(arguments.directory).expanduser()
    require_free(directory, empty_directory_allowed=True)

    from rlhp_ray.preferences.preference_export import write_export
    from rlhp_ray.preferences.source_location import open_source

    with open_source(path) as source:
        header = write_export(source, directory)
    _finish(f"{header.num_preferences:,} preferences on {header.num_clips:,} clips were exported", directory)


def _import(arguments: argparse.Namespace) -> None:
    directory = existing(arguments.directory, "a preference export")
    database = _new_database(arguments.database)

    from rlhp_ray.preferences.preference_copying import import_preferences

    report = import_preferences(directory, database)
    _finish(f"{report.preferences:,} preferences on {report.clips:,} clips were imported", database)


def _merge(arguments: argparse.Namespace) -> None:
    database = _new_database(arguments.out)
    paths = [existing(source, _SOURCE) for source in (arguments.first, *arguments.others)]

    from rlhp_ray.preferences.preference_copying import merge_preferences

    report = merge_preferences(database, paths)
    kept = f"{report.preferences:,} preferences on {report.clips:,} clips from {len(paths)} sources were stored"
    _finish(f"{kept}, {report.duplicates:,} duplicates left out", database)


def _withdraw(arguments: argparse.Namespace) -> None:
    path = existing(arguments.source, "a run, or a preference database")
    weight = arguments.weight
    if weight != 0 and not _LEAST_WEIGHT <= weight <= _MOST_WEIGHT:
        raise ConfigError(
            f"--weight: got {weight:g}; expected 0, which withdraws, or {_LEAST_WEIGHT:g} to {_MOST_WEIGHT:g}; "
            "change it"
        )

    from rlhp_ray.preferences.database_location import preferences_directory
    from rlhp_ray.preferences.preference_database import STORE_FILE
    from rlhp_ray.preferences.source_weights import weigh_source

    database = preferences_directory(path) / STORE_FILE if path.is_dir() else path
    if not database.is_file():
        raise ConfigError(
            f"{path} has no {STORE_FILE}; expected a run from preferences, or a preference database; name one"
        )
    number = weigh_source(database, arguments.labeller, weight)
    told = "are withdrawn, and can be taken back with --weight 1" if weight == 0 else f"count {weight:g} times"
    _finish(f"{number:,} answers of {arguments.labeller} {told}", path)


def _new_database(text: str) -> Path:
    path = Path(text).expanduser()
    require_free(path)
    return path


def _finish(told: str, written: Path) -> None:
    print(f"rlhp: {told}", file=sys.stderr, flush=True)
    with contextlib.suppress(BrokenPipeError):  # it is written, whether or not anyone reads on
        print(written, flush=True)
