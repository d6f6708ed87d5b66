"""What `rlhp reward` accepts, and the help for it."""

from typing import Any

from rlhp_ray.cli.preference_parser import AddCommand

_GROUP = """\
Learn a reward from saved preferences without a run, or see what a saved one says of clips.

example:
  rlhp reward fit moving_dot preferences.load=runs/moving_dot-gathered-seed0-1a2b3c

`rlhp reward COMMAND --help` explains a command."""
_FIT = """\
Fit a reward to saved preferences, with the settings of the section `reward`, and print for each epoch the training and
validation loss, accuracy and calibration error on held-out labels, and the L2 coefficient. The last line on standard
output is the directory, which reward.load= takes; the rest goes to standard error.

example:
  rlhp reward fit moving_dot preferences.load=runs/moving_dot-gathered-seed0-1a2b3c

CONFIG and overrides are those of `rlhp train`."""
_SCORE = """\
Print as CSV what a saved reward predicts for each clip: its id, predicted return, the return of each member (both
normalised) and true return. The last line on standard error says how well the order of predicted returns follows the
true ones, and how many stored answers are predicted right.

example:
  rlhp reward score runs/pendulum-3-k2f --reward runs/pendulum-4-d7e > scores.csv"""


def add_reward(subparsers: Any, add_command: AddCommand) -> None:
    """Add `reward` and what stands below it."""
    group = add_command(subparsers, "reward", "fit a reward to saved preferences, or score clips by one", _GROUP)
    below = group.add_subparsers(dest="reward_command", metavar="COMMAND", required=True)
    fit = add_command(below, "fit", "fit a reward to saved preferences", _FIT)
    fit.add_argument("config", metavar="CONFIG", help="name of a shipped configuration, or a path")
    fit.add_argument("overrides", metavar="k=v", nargs="*", help="override; preferences.load=PATH is needed")
    score = add_command(below, "score", "score saved clips by a saved reward", _SCORE)
    score.add_argument("clips", metavar="CLIPS", help="directory of a run, preference database, or export")
    score.add_argument(
        "--reward", metavar="DIR", required=True, help="directory of a fitted reward, of a run or of a checkpoint"
    )
