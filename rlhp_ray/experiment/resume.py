"""`rlhp resume`: goes on with a run from its last whole checkpoint."""

from collections.abc import Sequence
from pathlib import Path

from rlhp_ray.config.loading import archived_config, dump_config, override_config
from rlhp_ray.config.price_table import read_prices
from rlhp_ray.config.validation import validate_run
from rlhp_ray.errors import ArchiveError, ConfigError
from rlhp_ray.experiment.archive_files import write_durably
from rlhp_ray.experiment.checkpoint_links import last_checkpoint
from rlhp_ray.experiment.result_copy import ResultCopy
from rlhp_ray.experiment.run_archive import RunArchive
from rlhp_ray.experiment.session_lock import refuse_running
from rlhp_ray.experiment.trial import RunResult, run_session, say
from rlhp_ray.policy.gpu_choice import require_device
from rlhp_ray.preferences.schedule_choice import check_schedule
from rlhp_ray.preferences.teacher_choice import check_teacher

EXTENDABLE = ("training.env_steps", "preferences.labels")


def resume_run(
    directory: Path, overrides: Sequence[str], *, dashboard: bool, command: str, copies: ResultCopy | None = None
) -> RunResult:
    """Go on with an interrupted, killed or failed run; with larger budgets, extend a finished one.

    `copies` copies it meanwhile.

    Raises:
        ArchiveError: not a run directory, one of a sweep whose runs share their answers, or a process is at work on it.
        CheckpointError: its last checkpoint is damaged.
        ConfigError: overrides other than larger budgets, or the user's label schedule or reward function, the archived
            prices, or the device, cannot be used.
    """
    archive = RunArchive.open(directory)
    for owner in (archive.directory, archive.directory.parent):  # a sweep's process works on all of its runs
        refuse_running(owner)  # said before anything of it is changed
    config = archived_config(archive.config_file)
    if config.shares_preferences:
        raise ArchiveError(
            f"{archive.directory} shares its answers with the other runs of its sweep, and goes on with them alone; "
            f"expected the sweep. Resume that: rlhp resume {archive.directory.parent}"
        )
    for override in overrides:
        key = override.partition("=")[0]
        if key not in EXTENDABLE:
            raise ConfigError(
                f"{key}: a run is resumed with the configuration it was started with; expected only larger budgets "
                f"({', '.join(EXTENDABLE)}). Start a new run for anything else."
            )
    extended = override_config(config, overrides)
    if extended.training.env_steps < config.training.env_steps or (
        extended.preferences.labels < config.preferences.labels
    ):
        raise ConfigError(f"{' '.join(overrides)}: budgets of a resumed run can grow, not shrink")
    summary = archive.read_summary()
    if summary and summary["status"] == "done" and extended == config:
        say(f"{archive.directory} has finished ({summary['env_steps']:,} env steps); nothing to resume")
        return RunResult(archive.directory, 0)
    description = validate_run(extended, new_run=False)
    check_schedule(extended)
    read_prices(archive.directory)
    if extended.reward_source == "preferences":
        check_teacher(extended)
    require_device(extended)
    restore = last_checkpoint(archive)
    archive.append_command(command)
    if extended != config:
        write_durably(archive.config_file, dump_config(extended))
    say(f"resuming from {restore}" if restore else "no checkpoint was stored yet: starting from the beginning")
    return run_session(archive, extended, description, dashboard=dashboard, restore=restore, copies=copies)
