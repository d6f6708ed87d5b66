"""`rlhp sweep`: plan the trials, check every one of them, then run them all."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rlhp_ray.cli.commands import finish, progress_to_stderr
from rlhp_ray.cli.report_commands import report_of_sweep
from rlhp_ray.errors import ConfigError

if TYPE_CHECKING:
    from rlhp_ray.config.schema import RunConfig
    from rlhp_ray.sweep.sweep_file import Sweep


def sweep(arguments: argparse.Namespace, command: str) -> int:
    """`rlhp sweep CONFIG [--seeds 0-4] [k=v ...]`."""
    from rlhp_ray.config.loading import load_config
    from rlhp_ray.sweep.forecast import describe_plan, forecast
    from rlhp_ray.sweep.plan import parse_seeds, plan_trials, split_overrides
    from rlhp_ray.sweep.sweep_file import Sweep, SweepSettings

    plain, axes = split_overrides(arguments.overrides)
    shared = load_config(arguments.config, plain)
    seeds = parse_seeds(arguments.seeds) if arguments.seeds is not None else (shared.seed,)
    if arguments.samples > 1 and not any(axis.is_random for axis in axes):
        raise ConfigError(
            f"--samples: got {arguments.samples}, but nothing is drawn; expected a field with a choice or a "
            "distribution, such as training.rllib.lr='{loguniform: [0.0001, 0.001]}'; leave it out, or use --seeds"
        )
    trials = plan_trials(axes, seeds, arguments.samples, shared.seed)
    default_cpus = 1.0 if shared.mode == "sync" else 2.0
    settings = SweepSettings(arguments.scheduler, arguments.trial_cpus or default_cpus)
    planned = Sweep(shared, settings, tuple(trials))
    configs = _checked(planned)
    expected = forecast(configs, settings.trial_cpus, Path(shared.output_dir))
    plan_text = describe_plan(trials, configs, expected)
    if arguments.dry_run:
        print(plan_text)
        return 0
    print(plan_text, file=sys.stderr, flush=True)
    with progress_to_stderr():
        from rlhp_ray.sweep.launch import start_sweep

        stem = f"{Path(arguments.config).stem}-sweep"
        result = start_sweep(
            planned, stem, dashboard=arguments.dashboard, command=command, write_report=report_of_sweep
        )
    return finish(result)


def _refuse_people(config: "RunConfig") -> None:
    if config.teacher.preset == "people" and config.reward_source == "preferences":
        raise ConfigError(
            "teacher.preset: got people, who would be asked anew by every trial; expected a simulated teacher in a "
            "sweep. Label once with `rlhp train`, then sweep with preferences.load=RUN and preferences.labels=0."
        )


def _checked(planned: "Sweep") -> list["RunConfig"]:
    """The configurations of all trials, each checked as `rlhp train` would."""
    from rlhp_ray.config.validation import validate_run
    from rlhp_ray.preferences.schedule_choice import check_schedule

    configs = []
    for trial in planned.trials:
        try:
            config = planned.trial_config(trial)
            validate_run(config)
            _refuse_people(config)
            check_schedule(config)
        except ConfigError as error:
            raise ConfigError(f"trial {trial.name} ({', '.join(trial.overrides)}): {error}") from error
        configs.append(config)
    return configs
