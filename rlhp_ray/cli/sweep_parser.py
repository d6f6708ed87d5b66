"""What `rlhp sweep` accepts, and the help for it."""

import argparse
from typing import Any

from rlhp_ray.cli.argument_types import positive_float, positive_int
from rlhp_ray.cli.preference_parser import AddCommand

_SWEEP = """\
Run a configuration with several seeds, and any of its fields with several values. The last line on standard output is
the directory of the sweep; the rest goes to standard error. An interrupted sweep goes on with `rlhp resume`.

examples:
  rlhp sweep moving_dot --seeds 0-4
  rlhp sweep pendulum --seeds 0-2 preferences.labels='{grid: [100, 200, 400]}'
  rlhp sweep pendulum --samples 8 training.rllib.lr='{loguniform: [0.0001, 0.003]}'
  rlhp sweep pendulum --samples 30 --search optuna training.rllib.lr='{loguniform: [0.0001, 0.003]}'
  rlhp sweep pendulum --scheduler pbt --samples 8 reward_source=true_reward \\
      training.rllib.lr='{loguniform: [0.0001, 0.003]}'
  rlhp sweep cartpole --seeds 0-2 --trial-cpus 0.6 scope=sweep teacher.preset=people

The last one has people label once for all seeds. CONFIG and overrides are those of `rlhp train`. The value of an
override may stand for several: {grid: [a, b]} is each in turn; {choice: [a, b]}, {uniform: [low, high]},
{loguniform: [low, high]} and {randint: [low, high]} are drawn."""


def add_sweep(subparsers: Any, add_command: AddCommand) -> argparse.ArgumentParser:
    """Add `sweep`."""
    sweep = add_command(subparsers, "sweep", "run several seeds and settings", _SWEEP)
    sweep.add_argument("config", metavar="CONFIG", help="name of a shipped configuration, or a path")
    sweep.add_argument("--seeds", metavar="0-4", help="seeds of the runs (default: the configuration's one)")
    sweep.add_argument(
        "--samples", metavar="N", type=positive_int, default=1, help="draws of what is random (default: 1)"
    )
    sweep.add_argument(
        "--search",
        choices=["random", "optuna"],
        default="random",
        help="optuna draws each setting from what the earlier ones came to (default: random)",
    )
    sweep.add_argument(
        "--scheduler",
        choices=["none", "asha", "pbt"],
        default="none",
        help="asha stops trials early whose true return falls behind; pbt has them go on from a better one's policy, "
        "with its settings perturbed (default: none)",
    )
    sweep.add_argument(
        "--trial-cpus",
        metavar="X",
        type=positive_float,
        help="CPUs that a trial reserves, as 0.5 (default: 1 in sync mode, whose processes take turns, 2 in async)",
    )
    sweep.add_argument("--dry-run", action="store_true", help="print trials, resources, time and cost, and stop")
    return sweep
