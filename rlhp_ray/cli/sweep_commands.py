"""`rlhp sweep`: plan the trials, check every one of them, then run them all."""

import argparse
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rlhp_ray.cli.cluster_commands import (
    Afterwards,
    check_before_queueing,
    check_cluster_options,
    joined,
    shared_directory,
    submit,
)
from rlhp_ray.cli.commands import finish, progress_to_stderr
from rlhp_ray.cli.copy_option import open_copy
from rlhp_ray.cli.report_commands import report_of_sweep
from rlhp_ray.errors import ConfigError

if TYPE_CHECKING:
    from rlhp_ray.cluster.offer import Offer
    from rlhp_ray.config.schema import RunConfig
    from rlhp_ray.sweep.axes import Axis
    from rlhp_ray.sweep.sweep_file import Sweep, SweepSettings


def sweep(arguments: argparse.Namespace, command: str) -> int:
    """`rlhp sweep CONFIG [--seeds 0-4] [k=v ...]`."""
    from rlhp_ray.config.loading import find_config, load_config
    from rlhp_ray.sweep.plan import parse_seeds, split_overrides
    from rlhp_ray.sweep.sharing import check_sharing

    check_cluster_options(arguments)
    plain, axes = split_overrides(arguments.overrides)
    shared = load_config(arguments.config, plain)
    check_sharing(shared, axes)
    seeds = parse_seeds(arguments.seeds) if arguments.seeds is not None else (shared.seed,)
    if arguments.samples > 1 and not any(axis.is_random for axis in axes):
        raise ConfigError(
            f"--samples: got {arguments.samples}, but nothing is drawn; expected a field with a choice or a "
            "distribution, such as training.rllib.lr='{loguniform: [0.0001, 0.001]}'; leave it out, or use --seeds"
        )
    if arguments.address is not None or arguments.submit is not None:
        shared_directory("output_dir", shared.output_dir)
    if arguments.submit is not None:
        return submit(arguments.submit, command, find_config(arguments.config), arguments.config)
    with joined(arguments.address) as offer:
        return _sweep_here(arguments, command, shared, axes, seeds, offer)


def _sweep_here(
    arguments: argparse.Namespace,
    command: str,
    shared: "RunConfig",
    axes: tuple["Axis", ...],
    seeds: tuple[int, ...],
    offer: "Offer | None",
) -> int:
    """Plan, check and run, on this machine alone or on a cluster that was joined and offers so much."""
    from rlhp_ray.sweep.forecast import describe_plan, forecast

    cpus = None if offer is None else offer.cpus
    planned = _planned(arguments, shared, axes, seeds, cpus)
    configs = _checked(planned)
    copies = open_copy(arguments.copy_to, Path(shared.output_dir))
    afterwards = Afterwards(copies)
    if offer is not None:
        afterwards = check_before_queueing(planned, offer, shared.output_dir, copies, arguments.then_down)
    expected = forecast(configs, planned.settings.trial_cpus, Path(shared.output_dir), planned.trials_in_all, cpus)
    plan_text = describe_plan(planned, configs, expected)
    if arguments.dry_run:
        print(plan_text)
        return 0
    print(plan_text, file=sys.stderr, flush=True)
    with progress_to_stderr():
        from rlhp_ray.sweep.launch import RayPlace, start_sweep

        place = RayPlace(dashboard=arguments.dashboard, joined=offer is not None)
        stem = f"{Path(arguments.config).stem}-sweep"
        result = start_sweep(planned, stem, place=place, command=command, write_report=report_of_sweep, copies=copies)
    afterwards.follow(result)
    return finish(result)


def _planned(
    arguments: argparse.Namespace,
    shared: "RunConfig",
    axes: tuple["Axis", ...],
    seeds: tuple[int, ...],
    cluster_cpus: float | None,
) -> "Sweep":
    """All trials, or, of a search, those of its first round."""
    from rlhp_ray.sweep.perturbed_axes import check_population
    from rlhp_ray.sweep.plan import plan_trials
    from rlhp_ray.sweep.sweep_file import Sweep, SweepSettings

    default_cpus = 1.0 if shared.mode == "sync" else 2.0
    perturbed = axes if arguments.scheduler == "pbt" else ()
    settings = SweepSettings(arguments.scheduler, arguments.trial_cpus or default_cpus, perturbed)
    if arguments.scheduler == "pbt":
        check_population(shared, arguments.search, axes, arguments.samples * len(seeds))
    if arguments.search == "optuna":
        return _searched(shared, settings, axes, seeds, arguments.samples, cluster_cpus)
    return Sweep(shared, settings, tuple(plan_trials(axes, seeds, arguments.samples, shared.seed)))


def _searched(
    shared: "RunConfig",
    settings: "SweepSettings",
    axes: tuple["Axis", ...],
    seeds: tuple[int, ...],
    samples: int,
    cluster_cpus: float | None,
) -> "Sweep":
    """The first round of a search."""
    from rlhp_ray.sweep.forecast import concurrent_trials
    from rlhp_ray.sweep.growth import grown_sweep
    from rlhp_ray.sweep.plan import check_trial_count
    from rlhp_ray.sweep.search import Search, num_settings
    from rlhp_ray.sweep.sweep_file import Sweep

    if importlib.util.find_spec("optuna") is None:
        raise ConfigError("--search optuna: optuna is not installed; expected it; run: pip install 'rlhp_ray[optuna]'")
    fixed = [axis.key for axis in axes if not axis.is_random]
    if fixed or not axes:
        got = f"the grid of {', '.join(fixed)}" if fixed else "no field that takes several values"
        raise ConfigError(
            f"--search optuna: got {got}; expected a choice or a distribution, such as "
            "training.rllib.lr='{loguniform: [0.0001, 0.001]}'"
        )
    if samples < 2:
        raise ConfigError(f"--samples: got {samples}; expected 2 or more settings to search among, such as 20")
    if num_settings(axes) < samples:
        raise ConfigError(
            f"--samples: got {samples}, but the axes have {num_settings(axes)} different settings; expected no more; "
            "or try all of them: grids in place of choices, and no --search"
        )
    check_trial_count(samples, len(seeds))
    at_once = max(1, concurrent_trials(settings.trial_cpus, shared.env.num_env_runners, cluster_cpus) // len(seeds))
    return grown_sweep(Sweep(shared, settings, (), Search(axes, samples, seeds, at_once, shared.seed)), [])


def _checked(planned: "Sweep") -> list["RunConfig"]:
    """The configurations of all trials, each checked as `rlhp train` would."""
    from rlhp_ray.config.validation import validate_run
    from rlhp_ray.preferences.schedule_choice import check_schedule
    from rlhp_ray.sweep.sharing import refuse_people_for_each

    configs = []
    for trial in planned.trials:
        try:
            config = planned.trial_config(trial)
            validate_run(config)
            refuse_people_for_each(config)
            check_schedule(config)
        except ConfigError as error:
            raise ConfigError(f"trial {trial.name} ({', '.join(trial.overrides)}): {error}") from error
        configs.append(config)
    return configs
