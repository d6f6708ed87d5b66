"""One training as a sweep of one: archive, Ray, the buffer on the driver, `tune.run`, and what a person looks at."""

import contextlib
import re
import sys
import time
import traceback
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlhp_ray.config.loading import dump_config
from rlhp_ray.config.price_table import read_prices
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs.image_space import is_image_space
from rlhp_ray.envs.registry import EnvDescription, warn_if_ends_visible, warn_if_score_shown
from rlhp_ray.errors import ArchiveError, RlhpError
from rlhp_ray.experiment.archive_files import probe_storage
from rlhp_ray.experiment.closing import describe_run, draw_and_film
from rlhp_ray.experiment.console_log import ConsoleLog
from rlhp_ray.experiment.disk_use import bytes_below
from rlhp_ray.experiment.failure_record import DRIVER, STORAGE, FailureRecord, failure_kind
from rlhp_ray.experiment.labelling_page import labelling_page, offer_gold_pairs
from rlhp_ray.experiment.ray_session import ray_session
from rlhp_ray.experiment.regular_copies import copied_regularly
from rlhp_ray.experiment.result_copy import ResultCopy
from rlhp_ray.experiment.run_archive import RunArchive
from rlhp_ray.experiment.run_cost import Cost
from rlhp_ray.experiment.session_lock import SessionState, session_lock, session_state
from rlhp_ray.experiment.summary import RunStatus, build_summary
from rlhp_ray.policy.gpu_choice import require_device
from rlhp_ray.policy.precision import precision_text
from rlhp_ray.preferences.schedule_choice import check_schedule
from rlhp_ray.preferences.teacher_choice import check_teacher

ERROR_FILE = "error.txt"
MAX_CAUSES = 10  # followed behind an error
EXIT_CODES = {RunStatus.DONE: 0, RunStatus.FAILED: 1, RunStatus.INTERRUPTED: 130}


@dataclass(frozen=True)
class RunResult:
    """Where a run was written, and the exit code of the command."""

    directory: Path
    exit_code: int


def run_trial(
    config: RunConfig,
    description: EnvDescription,
    *,
    config_name: str,
    dashboard: bool,
    command: str,
    copies: ResultCopy | None = None,
) -> RunResult:
    """Train in a new run directory, which `copies` copies meanwhile.

    Raises:
        ConfigError: the run directory exists, or the user's label schedule, reward function, prices or device cannot
            be used.
        ArchiveError: it cannot be written.
    """
    check_schedule(config)
    if config.reward_source == "preferences":
        check_teacher(config)
    require_device(config)
    archive = RunArchive.create(
        Path(config.output_dir),
        config.name,
        f"{config_name}-seed{config.seed}",
        dump_config(config),
        command,
        config.question,
        config.expect,
        read_prices(Path(config.output_dir)),
    )
    return run_session(archive, config, description, dashboard=dashboard, restore=None, copies=copies)


def run_session(
    archive: RunArchive,
    config: RunConfig,
    description: EnvDescription,
    *,
    dashboard: bool,
    restore: Path | None,
    copies: ResultCopy | None = None,
) -> RunResult:
    """Train from the beginning, or from the checkpoint `restore`, until done, interrupted or failed.

    Raises:
        ArchiveError: another process is at work on the run, or its directory cannot be written.
    """
    ended_by = _end_of_last_session(archive)
    regularly = copied_regularly(copies, archive.directory, say)
    with session_lock(archive.directory), ConsoleLog(archive.console_file), regularly:
        horizon = description.episode_steps if config.env.horizon == "auto" else config.env.horizon
        warn_if_ends_visible(description, horizon)
        warn_if_score_shown(description, config.env.score_mask)
        archive.remove_summary()  # of a shorter run: with it a session that is killed would look finished
        archive.make_folders()
        say(f"run directory {archive.directory}")
        if is_image_space(description.observation_space):
            say(precision_text(config))
        started = time.monotonic()
        status, recorder = _train(archive, config, description, dashboard, restore, started, ended_by)
        try:
            _close(archive, config, status, recorder, started)
        except (OSError, ArchiveError) as error:
            if status is not RunStatus.FAILED:  # or else it is told already
                say(f"rlhp: error: {error}\n  to go on:    rlhp resume {archive.directory}")
            status = RunStatus.FAILED
    return RunResult(archive.directory, EXIT_CODES[status])


def _end_of_last_session(archive: RunArchive) -> str | None:
    """What it failed by, where it could not even write that down."""
    if session_state(archive.directory) is SessionState.KILLED:
        return DRIVER
    has_ended_silently = archive.metrics_file.exists() and not archive.summary_file.exists()
    return STORAGE if has_ended_silently else None


def _close(archive: RunArchive, config: RunConfig, status: RunStatus, recorder: Any, started: float) -> None:
    """Write the summary and what a person looks at."""
    if recorder is not None:
        summary = recorder.close(status)
    else:
        nothing = Cost(0.0, 0.0, {}, bytes_below(archive.directory), None, None)
        failures, seconds = FailureRecord(archive.directory).to_summary(), time.monotonic() - started
        summary = build_summary(config, archive, status, {}, seconds, nothing, failures, None)
        archive.write_summary(summary)
    if status is RunStatus.DONE:
        draw_and_film(archive, config)
    say(describe_run(archive, config, summary))


def say(text: str) -> None:
    """Print to standard error, and so to the console log."""
    print(text, file=sys.stderr, flush=True)


def _train(
    archive: RunArchive,
    config: RunConfig,
    description: EnvDescription,
    dashboard: bool,
    restore: Path | None,
    started: float,
    ended_by: str | None,
) -> tuple[RunStatus, Any]:
    """Start Ray and Tune; returns how it ended and the run's recorder, None where it did not come so far."""
    recorder = None
    try:
        _check_inputs(archive, config, description)
        with labelling_page(archive.directory, config), ray_session(config.env.num_env_runners, dashboard) as address:
            if address:
                say(f"Ray dashboard {address}")
            from rlhp_ray.experiment.tuning import TuneSession

            clock = lambda: time.monotonic() - started  # noqa: E731  # the seconds of this session
            session = TuneSession(archive, config, description, restore, clock, ended_by)
            recorder = session.recorder
            return session.run(), recorder
    except KeyboardInterrupt:
        if recorder is not None:
            raise
        return RunStatus.INTERRUPTED, None
    except Exception as error:
        tell_error(archive.directory, error)
        record = recorder.failures if recorder is not None else FailureRecord(archive.directory)
        with contextlib.suppress(ArchiveError):  # the disk may be what failed: the next session sees that
            record.add(failure_kind(error), recovered=False)
    return RunStatus.FAILED, recorder


def tell_error(directory: Path, error: Exception) -> None:
    """Say what ended a run or a sweep; what is not plainly told by our own error is put whole into a file."""
    if _is_plainly_ours(error):
        say(f"rlhp: error: {error}")
        return
    detail = directory / ERROR_FILE
    text = known_cause(error) or f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[-1]}"
    try:
        probe_storage(directory)
    except ArchiveError as hindrance:  # which makes for errors of all kinds
        text = str(hindrance)
    lines = [f"rlhp: error: {text}", f"  whole error: {detail}", f"  to go on:    rlhp resume {directory}"]
    try:
        detail.write_text(traceback.format_exc())
    except OSError:
        del lines[1]
    say("\n".join(lines))


def _check_inputs(archive: RunArchive, config: RunConfig, description: EnvDescription) -> None:
    """Refuse preferences, a learnt reward, a policy or a network of the user's that do not fit, before Ray is started.

    Preferences to start with are put into the run's own database meanwhile.
    """
    from rlhp_ray.policy.starting_point import load_starting_point
    from rlhp_ray.preferences.preference_copying import open_run_store
    from rlhp_ray.reward.run_ensemble import ensemble_spec, preference_subject
    from rlhp_ray.reward.user_network import check_user_network

    spec = ensemble_spec(config, description)
    if spec.network.is_users:
        check_user_network(spec.network_shape, spec.network)
    load = config.preferences.load if config.reward_source == "preferences" else None
    if archive.preferences_file.exists() or load is not None:
        metadata = preference_subject(config, spec).to_metadata()
        saved, needs_next = None if load is None else Path(load), spec.network.sees_next_observations
        with closing(open_run_store(archive.preferences_file, metadata, saved, needs_next)) as store:
            if load is not None:
                say(f"{store.num_loaded():,} saved preferences of {load} to start with")
    offer_gold_pairs(archive.directory, config, preference_subject(config, spec))
    load_starting_point(config, spec)


def known_cause(error: BaseException | None) -> str | None:
    """The message of our own error behind one of Ray's, if there is one; from its text where only that is left."""
    text = str(error)
    for _ in range(MAX_CAUSES):
        if error is None:
            break
        if _is_plainly_ours(error):
            return str(error)
        error = getattr(error, "cause", None) or error.__cause__
    told = re.findall(r"rlhp_ray\.errors\.\w+: (.+)", text)
    if told:
        return told[-1]
    full = re.findall(r"\[Errno \d+\] ((?:No space left on device|Disk quota exceeded|File too large).*)", text)
    if full:
        return f"A file could not be written: {full[-1]}. Free disk space, then go on."
    short = re.findall(r"running low on memory.* was (\S+ used / \S+) limit", text)
    if short:
        return f"Ray killed the trial, since its machine ran out of memory: {short[-1]}. Free memory, then go on."
    return None


def _is_plainly_ours(error: BaseException) -> bool:
    """One of our errors as it was raised: Ray's wrapping of one is both, and its text holds a whole traceback."""
    return isinstance(error, RlhpError) and not hasattr(error, "cause")
