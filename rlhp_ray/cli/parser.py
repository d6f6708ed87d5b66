"""What the command line accepts, and the help for it."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

import rlhp_ray
from rlhp_ray.cli.argument_types import positive_int
from rlhp_ray.cli.cluster_parser import add_cluster_options
from rlhp_ray.cli.copy_option import add_copy_option
from rlhp_ray.cli.label_parser import add_label
from rlhp_ray.cli.preference_parser import add_preferences
from rlhp_ray.cli.report_parser import add_report
from rlhp_ray.cli.reward_parser import add_reward
from rlhp_ray.cli.runs_parser import add_runs, with_list
from rlhp_ray.cli.sweep_parser import add_sweep

_TRAIN = """\
Train an agent from preferences. The last line on standard output is the directory of the run; the rest goes to
standard error.

example:
  rlhp train pendulum seed=3 preferences.labels=200

CONFIG is a file of tune_configs/ by its bare name, or the path of a YAML file. An override is section.field=value,
typed as in YAML; training.rllib.NAME=value sets any setting of RLlib."""
_CHECK = """\
Say what is likely to make a run fail, before it is started: what policy and predictor really see, what would give the
reward away, clips that tie, labels that come too late, memory, disk, and how long it will take. Takes less than a
minute. Findings exit 1, notes 0.

example:
  rlhp check pendulum preferences.labels=20

CONFIG and overrides are those of `rlhp train`."""
_RESUME = """\
Continue a run from its last checkpoint, extend a finished one with larger budgets, or run what is left of a sweep. The
last line on standard output is the directory of the run or sweep. A checkpoint holds pickles, which run code when they
are loaded: resume only runs of people whom you trust.

example:
  rlhp resume runs/pendulum-3-k2f training.env_steps=100000

From the address of a copy that --copy-to made, it is brought to this machine first, and goes on to be copied there."""
_REPLAY = """\
Play episodes of a saved policy, write an MP4 of them with the predicted and the true reward drawn below, and print
the returns.

example:
  rlhp replay runs/pendulum-3-k2f --episodes 3 --output pendulum.mp4"""


def parse_arguments(argv: Sequence[str]) -> argparse.Namespace:
    """The parsed command line; exits 2 with the usage when it is wrong, 0 after `--help` and `--version`."""
    parser, commands = _build()
    if not argv:
        parser.error(f"got no command, expected one of: {', '.join(commands)}; see rlhp --help")
    # Not parse_args: it refuses overrides that follow an option.
    arguments, rest = parser.parse_known_args(with_list(argv))
    options = [word for word in rest if word.startswith("-")]
    if options or (rest and "overrides" not in arguments):
        _refuse(arguments.parser, options or rest)
    if rest:
        arguments.overrides += rest
    return arguments


def _build() -> tuple[argparse.ArgumentParser, list[str]]:
    parser = argparse.ArgumentParser(
        prog="rlhp",
        description="Deep reinforcement learning from human preferences, on Ray.",
        epilog="example:\n  rlhp train moving_dot seed=1\n\n`rlhp COMMAND --help` explains a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"rlhp {rlhp_ray.__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    train = _add_command(subparsers, "train", "train an agent from preferences", _TRAIN)
    train.add_argument("config", metavar="CONFIG", help="name of a shipped configuration, or a path")
    sweep = add_sweep(subparsers, _add_command)
    check = _add_command(subparsers, "check", "say what is likely to make a run fail", _CHECK)
    check.add_argument("config", metavar="CONFIG", help="name of a shipped configuration, or a path")
    resume = _add_command(subparsers, "resume", "continue or extend a run, or go on with a sweep", _RESUME)
    resume.add_argument("run", metavar="RUN|SWEEP", help="directory of a run or of a sweep, or address of its copy")
    resume.add_argument("--into", metavar="DIR", help="where a copy is brought to (default: runs)")
    for command in (train, sweep, check, resume):
        command.add_argument("overrides", metavar="k=v", nargs="*", help="override, for example env.num_envs=8")
    for command in (sweep, resume):
        add_cluster_options(command)
    for command in (train, sweep, resume):
        add_copy_option(command)
        command.add_argument("--dashboard", action="store_true", help="start the Ray dashboard and print its address")
    replay = _add_command(subparsers, "replay", "watch a trained agent", _REPLAY)
    replay.add_argument("source", metavar="RUN|CHECKPOINT", help="directory of a run or of a checkpoint")
    replay.add_argument("--episodes", metavar="N", type=positive_int, default=3, help="episodes to play (default: 3)")
    replay.add_argument(
        "--actions",
        choices=("greedy", "sampled"),
        help="the most probable, or drawn (default: as its run was evaluated)",
    )
    replay.add_argument("--live", action="store_true", help="open a window, where a display exists")
    replay.add_argument("--output", metavar="FILE.mp4", help="file for the video (default: chosen and printed)")
    add_preferences(subparsers, _add_command)
    add_reward(subparsers, _add_command)
    add_label(subparsers, _add_command)
    add_report(subparsers, _add_command)
    add_runs(subparsers, _add_command)
    return parser, list(subparsers.choices)


def _add_command(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, summary: str, description: str
) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        name,
        help=summary,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(parser=parser)  # whose usage is shown where its arguments are wrong
    return parser


def _refuse(command: argparse.ArgumentParser, words: Sequence[str]) -> NoReturn:
    hint = ""
    if any("=" in word for word in words):
        hint = f"; overrides are written without dashes: {words[0].lstrip('-')}"
    command.error(f"unrecognized arguments: {' '.join(words)}{hint}")
