"""Starts a sweep, or goes on with one: directories, Ray, the trials that are left, and what they come to."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rlhp_ray.config.loading import dump_config
from rlhp_ray.config.price_table import PRICES_FILE, read_prices
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs.registry import describe_env
from rlhp_ray.errors import ArchiveError, RlhpError
from rlhp_ray.experiment.archive_files import archive_errors, make_run_directory, require_disk_space, write_durably
from rlhp_ray.experiment.console_log import ConsoleLog
from rlhp_ray.experiment.failure_record import DRIVER, FailureRecord
from rlhp_ray.experiment.labelling_page import labelling_page, offer_gold_pairs
from rlhp_ray.experiment.provenance import mask_secrets
from rlhp_ray.experiment.ray_session import ray_session
from rlhp_ray.experiment.regular_copies import copied_regularly
from rlhp_ray.experiment.result_copy import ResultCopy
from rlhp_ray.experiment.run_archive import RunArchive
from rlhp_ray.experiment.session_lock import SessionState, refuse_running, session_lock, session_state
from rlhp_ray.experiment.summary import RunStatus
from rlhp_ray.experiment.trial import say, tell_error
from rlhp_ray.reward.run_ensemble import ensemble_spec, preference_subject
from rlhp_ray.sweep.growth import grown_sweep
from rlhp_ray.sweep.plan import PlannedTrial
from rlhp_ray.sweep.results import TrialResult, describe_sweep, read_results, write_results
from rlhp_ray.sweep.sharing import config_of_all
from rlhp_ray.sweep.sweep_file import Sweep

CONSOLE_FILE = "console.log"
COMMAND_FILE = "command.txt"


WriteReport = Callable[[Path], Path | None]
"""Writes a report about a sweep's directory; its file, or None where that failed."""


@dataclass(frozen=True)
class SweepResult:
    """Where a sweep was written, and the exit code of the command."""

    directory: Path
    exit_code: int


@dataclass(frozen=True)
class RayPlace:
    """The Ray that trials run on.

    Args:
        dashboard: of a Ray of this machine alone, started for the sweep.
        joined: whether this process is the driver of a cluster, on which they then run.
    """

    dashboard: bool = False
    joined: bool = False


def start_sweep(
    sweep: Sweep,
    default_stem: str,
    *,
    place: RayPlace,
    command: str,
    write_report: WriteReport,
    copies: ResultCopy | None = None,
) -> SweepResult:
    """Run a sweep in a new directory, which `copies` copies meanwhile.

    Raises:
        ConfigError: the directory exists, or the prices cannot be used.
        ArchiveError: it cannot be written.
    """
    output_dir = Path(os.path.abspath(sweep.config.output_dir))
    prices = read_prices(output_dir)
    require_disk_space(output_dir)
    with archive_errors(output_dir):
        output_dir.mkdir(parents=True, exist_ok=True)
        name = sweep.config.name
        directory = make_run_directory(output_dir, name or default_stem, unique=name is None)
        if prices is not None:  # for trials of a later session, too
            write_durably(directory / PRICES_FILE, prices.to_yaml())
    sweep.write(directory)
    return run_sweep(directory, sweep, place=place, command=command, write_report=write_report, copies=copies)


def resume_sweep(
    directory: Path,
    overrides: Sequence[str],
    *,
    place: RayPlace,
    command: str,
    write_report: WriteReport,
    copies: ResultCopy | None = None,
) -> SweepResult:
    """Run what is left of a sweep: finished trials are left alone, others go on from their last checkpoints.

    `copies` copies its directory meanwhile.

    Raises:
        ArchiveError: not a sweep, or one that another process is running.
        ConfigError: its archived prices cannot be used.
        RlhpError: overrides are given, which a sweep does not take.
    """
    if overrides:
        raise RlhpError(
            f"{' '.join(overrides)}: a sweep is resumed with the configuration it was started with; expected no "
            "overrides. Start a new sweep for anything else."
        )
    directory = Path(os.path.abspath(directory))
    sweep = Sweep.read(directory)
    read_prices(directory)
    return run_sweep(directory, sweep, place=place, command=command, write_report=write_report, copies=copies)


def run_sweep(
    directory: Path,
    sweep: Sweep,
    *,
    place: RayPlace,
    command: str,
    write_report: WriteReport,
    copies: ResultCopy | None = None,
) -> SweepResult:
    """Run every trial of a sweep that is not done, under the sweep's lock, and write results and report."""
    if session_state(directory) is SessionState.KILLED:
        for trial in _left(directory, sweep):
            if (directory / trial.name).exists():
                FailureRecord(directory / trial.name).add(DRIVER, recovered=False)
    regularly = copied_regularly(copies, directory, say)
    with session_lock(directory), ConsoleLog(directory / CONSOLE_FILE), regularly:
        with archive_errors(directory), (directory / COMMAND_FILE).open("a", encoding="utf-8") as file:
            file.write(mask_secrets(command) + "\n")
        say(f"sweep directory {directory}")
        interrupted = False
        for trial in _left(directory, sweep):
            refuse_running(directory / trial.name)  # one that somebody resumed by itself
        if _left(directory, sweep) or len(sweep.trials) < sweep.trials_in_all:
            interrupted = _train(directory, sweep, place, command)
            sweep = Sweep.read(directory)
        results = read_results(directory, sweep)
        write_results(directory, results)
        say(describe_sweep(directory, results, write_report(directory), sweep.trials_in_all))
        return SweepResult(directory, _exit_code(results, interrupted, sweep.trials_in_all))


def _is_over(run: Path) -> bool:
    """Whether a trial of an earlier session has ended by itself: done, or stopped early by the scheduler."""
    try:
        summary = RunArchive.open(run).read_summary()
    except ArchiveError:
        return False
    return summary is not None and summary["status"] in (RunStatus.DONE, RunStatus.STOPPED)


def _open_run(directory: Path, config: RunConfig, name: str, command: str) -> tuple[RunArchive, RunConfig]:
    """The archive of a trial: the one of an earlier session, or a new one."""
    run = directory / name
    _remove_unbegun(run)
    config = config.model_copy(update={"name": name, "output_dir": str(directory)})
    if run.exists():
        archive = RunArchive.open(run)
        archive.make_folders()
        archive.append_command(command)
        return archive, config
    text, prices = dump_config(config), read_prices(directory)
    return RunArchive.create(directory, name, name, text, command, config.question, config.expect, prices), config


def _remove_unbegun(run: Path) -> None:
    """Remove what a process that was killed while it made a run's directory left of it: nothing was trained in it."""
    archive = RunArchive(run)
    if run.is_dir() and not any(file.exists() for file in (archive.config_file, archive.metrics_file)):
        with archive_errors(run):
            shutil.rmtree(run)


def _left(directory: Path, sweep: Sweep) -> list[PlannedTrial]:
    """Trials that are planned and not over."""
    return [trial for trial in sweep.trials if not _is_over(directory / trial.name)]


def _train(directory: Path, sweep: Sweep, place: RayPlace, command: str) -> bool:
    """Start Ray, unless it is joined, and Tune for the trials that are left and for those that a search still proposes.

    Returns whether somebody interrupted them.
    """
    try:
        with _people(directory, sweep), _ray(sweep, place) as address:
            if address:
                say(f"Ray dashboard {address}")
            from rlhp_ray.sweep.shared_buffer import shared_buffer

            with shared_buffer(directory, sweep) as buffer:
                return _train_rounds(directory, sweep, command, buffer)
    except Exception as error:
        tell_error(directory, error)
    return False


@contextlib.contextmanager
def _people(directory: Path, sweep: Sweep) -> Iterator[None]:
    """The page of people who label for all trials, where there are any."""
    config = config_of_all(sweep)
    if not config.shares_preferences:
        yield
        return
    description = describe_env(config.env.id, frame_skip=config.env.frame_skip)
    offer_gold_pairs(directory, config, preference_subject(config, ensemble_spec(config, description)))
    with labelling_page(directory, config):
        yield


def _ray(sweep: Sweep, place: RayPlace) -> contextlib.AbstractContextManager[str | None]:
    if place.joined:
        return contextlib.nullcontext()
    return ray_session(_most_env_runners(sweep), place.dashboard)


def _train_rounds(directory: Path, sweep: Sweep, command: str, buffer: str | None) -> bool:
    """All that is left at once, then, of a search, round after round; a trial that fails is not tried again here."""
    from rlhp_ray.sweep.session import SweepSession

    left = _left(directory, sweep)
    while True:
        if left:
            runs = {trial.name: _open_run(directory, sweep.trial_config(trial), trial.name, command) for trial in left}
            ended = len(sweep.trials) - len(left)
            if SweepSession(runs, sweep.settings, ended, sweep.trials_in_all, buffer).run():
                return True
        grown = grown_sweep(sweep, read_results(directory, sweep))
        left = list(grown.trials[len(sweep.trials) :])
        if not left:
            return False
        sweep = grown
        sweep.write(directory)


def _most_env_runners(sweep: Sweep) -> int:
    """Of any trial, those that a search may propose among them."""
    known = [sweep.trial_config(trial).env.num_env_runners for trial in sweep.trials]
    searched = [axis for axis in (sweep.search.axes if sweep.search else ()) if axis.key == "env.num_env_runners"]
    return max([*known, *(int(value) for axis in searched for value in axis.values)])


def _exit_code(results: Sequence[TrialResult], interrupted: bool, trials_in_all: int) -> int:
    if interrupted:
        return 130
    over = [result for result in results if result.status in (RunStatus.DONE, RunStatus.STOPPED)]
    return 0 if len(over) == trials_in_all else 1
