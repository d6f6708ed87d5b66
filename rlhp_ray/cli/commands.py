"""The commands: check the input with light imports, then hand over to the part of the package that does the work."""

import argparse
import contextlib
import os.path
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rlhp_ray.cli.check_command import warn_before_training
from rlhp_ray.cli.cluster_commands import (
    Afterwards,
    check_before_queueing,
    check_cluster_options,
    joined,
    shared_directory,
    submit,
)
from rlhp_ray.cli.copy_option import bring_copy, open_copy
from rlhp_ray.errors import ConfigError

if TYPE_CHECKING:
    from rlhp_ray.cluster.offer import Offer
    from rlhp_ray.experiment.result_copy import ResultCopy


class RunResult(Protocol):
    """What training and resuming return."""

    @property
    def directory(self) -> Path:
        """The directory that was written."""

    @property
    def exit_code(self) -> int:
        """0 done, 1 failed, 130 interrupted."""


def train(arguments: argparse.Namespace, command: str) -> int:
    """`rlhp train CONFIG [k=v ...]`."""
    from rlhp_ray.config.loading import load_config
    from rlhp_ray.config.validation import require_own_preferences, validate_run

    config = load_config(arguments.config, arguments.overrides)
    require_own_preferences(config)
    description = validate_run(config)
    copies = open_copy(arguments.copy_to, Path(config.output_dir))
    with progress_to_stderr():
        warn_before_training(config, description)
        from rlhp_ray.experiment.trial import run_trial

        result = run_trial(
            config,
            description,
            config_name=Path(arguments.config).stem,
            dashboard=arguments.dashboard,
            command=command,
            copies=copies,
        )
    Afterwards(copies).follow(result)
    return finish(result)


def resume(arguments: argparse.Namespace, command: str) -> int:
    """`rlhp resume RUN|SWEEP [k=v ...]`."""
    from rlhp_ray.config.loading import check_overrides
    from rlhp_ray.experiment.session_lock import refuse_running

    check_cluster_options(arguments)
    check_overrides(arguments.overrides)
    is_copy = "://" in arguments.run
    if arguments.into is not None and not is_copy:
        raise ConfigError(
            f"--into: got {arguments.into!r} with {arguments.run!r}, which goes on where it is; expected it with the "
            "address of a copy, such as s3://BUCKET/PATH/NAME; leave it out"
        )
    into = arguments.into or "runs"
    if arguments.address is not None or arguments.submit is not None:
        shared_directory(*(("--into", into) if is_copy else ("SWEEP", arguments.run)))
    if arguments.submit is not None:
        return submit(arguments.submit, command)
    copy_to = arguments.copy_to
    if is_copy:
        run, around = bring_copy(arguments.run, Path(into))
        copy_to = copy_to or around
    else:
        run = existing(arguments.run, "a run or a sweep")
    refuse_running(run)
    copies = open_copy(copy_to, run.absolute().parent)
    with joined(arguments.address) as offer:
        return _resume_here(run, arguments, command, copies, offer)


def _resume_here(
    run: Path, arguments: argparse.Namespace, command: str, copies: "ResultCopy | None", offer: "Offer | None"
) -> int:
    """Go on, on this machine alone or on a cluster that was joined and offers so much."""
    from rlhp_ray.sweep.sweep_file import Sweep, is_sweep

    result: RunResult
    afterwards = Afterwards(copies)
    if not is_sweep(run):
        if offer is not None:
            raise ConfigError(f"{run}: expected a sweep, since single runs stay on one machine; leave out --address")
        from rlhp_ray.experiment.resume import resume_run

        with progress_to_stderr():
            result = resume_run(run, arguments.overrides, dashboard=arguments.dashboard, command=command, copies=copies)
        afterwards.follow(result)
        return finish(result)
    from rlhp_ray.cli.report_commands import report_of_sweep
    from rlhp_ray.sweep.launch import RayPlace, resume_sweep

    if offer is not None:
        afterwards = check_before_queueing(Sweep.read(run), offer, str(run), copies, arguments.then_down)
    place = RayPlace(dashboard=arguments.dashboard, joined=offer is not None)
    with progress_to_stderr():
        result = resume_sweep(
            run, arguments.overrides, place=place, command=command, write_report=report_of_sweep, copies=copies
        )
    afterwards.follow(result)
    return finish(result)


def replay(arguments: argparse.Namespace, command: str) -> int:
    """`rlhp replay RUN|CHECKPOINT`: the player prints the returns itself."""
    del command  # nothing is archived
    source = existing(arguments.source, "a run or a checkpoint")
    output = _new_video(arguments.output) if arguments.output is not None else None

    from rlhp_ray.replay.player import replay as play

    samples = None if arguments.actions is None else arguments.actions == "sampled"
    play(source, episodes=arguments.episodes, live=arguments.live, output=output, samples_actions=samples)
    return 0


def progress_to_stderr() -> contextlib.AbstractContextManager[object]:
    """Ray and Tune print to standard output, which is kept for the directory."""
    return contextlib.redirect_stdout(sys.stderr)


def finish(result: RunResult) -> int:
    """Print the directory that was written, as the last line of standard output; gives the exit code."""
    with contextlib.suppress(BrokenPipeError):  # the run is done, whether or not anyone reads on
        print(result.directory, flush=True)
    return result.exit_code


def existing(text: str, expected: str) -> Path:
    """The path that `text` means, with links in a copy from a bucket; `expected` says what should be there.

    Raises:
        ConfigError: nothing is there.
        ArchiveError: it is a copy, and cannot be written.
    """
    path = Path(text).expanduser()
    if path.exists():
        from rlhp_ray.experiment.link_files import restore_links

        restore_links(path)
        return path
    in_runs = Path("runs") / path
    hint = f"did you mean {in_runs}?" if in_runs.exists() else "see what your output directory holds: ls runs"
    raise ConfigError(f"no such path: got {text!r}, expected the directory of {expected}; {hint}")


def _new_video(text: str) -> Path:
    path = Path(text).expanduser()
    if path.suffix.lower() != ".mp4":
        raise ConfigError(f"--output: got {text!r}, expected a file name that ends in .mp4; add it")
    if os.path.lexists(path):
        raise ConfigError(f"--output: {text!r} exists and nothing is overwritten; expected a new name; choose another")
    if not path.parent.is_dir():
        raise ConfigError(f"--output: got {text!r}, expected a file in a directory that exists; make {path.parent}")
    return path
