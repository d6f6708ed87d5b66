"""What population based training may perturb, known before Ray is imported."""

from collections.abc import Sequence

from rlhp_ray.config.schema import RunConfig
from rlhp_ray.errors import ConfigError
from rlhp_ray.sweep.axes import Axis

_SECTION = "training.rllib."


def rllib_name(axis: Axis) -> str:
    """RLlib's name of the setting."""
    return axis.key.removeprefix(_SECTION)


def check_population(config: RunConfig, search: str, axes: Sequence[Axis], num_trials: int) -> None:
    """Raise ConfigError where trials cannot go on from one another's checkpoints, or nothing would come of it."""
    if config.reward_source == "preferences":
        raise ConfigError(
            "--scheduler pbt: got reward_source=preferences; expected true_reward: a trial that goes on from another "
            "one's checkpoint has labels of its own, which that reward was not fitted to. Perturb the settings on the "
            "true reward, then train from preferences with the best of them."
        )
    if search == "optuna":
        raise ConfigError(
            "--scheduler pbt: got --search optuna as well, which looks for settings of its own; leave one out"
        )
    if num_trials < 2:
        raise ConfigError(
            f"--scheduler pbt: got {num_trials} trial; expected two or more, of which the worse go on from the better; "
            "give --samples or --seeds"
        )
    unfit = [axis.key for axis in axes if not axis.is_random or not axis.key.startswith(_SECTION)]
    if unfit or not axes:
        raise ConfigError(
            f"--scheduler pbt: got {', '.join(unfit) or 'no field that takes several values'}; expected choices and "
            "distributions of RLlib's settings alone, such as training.rllib.lr='{loguniform: [0.0001, 0.001]}': "
            "trials that go on from one another's checkpoints differ in nothing else"
        )
