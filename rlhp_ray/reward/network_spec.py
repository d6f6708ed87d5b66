"""What a reward network is built from: the same in the configuration, in every process and in exported files."""

from dataclasses import asdict, dataclass, fields
from typing import Literal, get_args

from rlhp_ray.config.schema import RewardConfig

Inputs = Literal["obs", "obs_action", "obs_action_next_obs"]
DropoutMask = Literal["shared", "separate"]
Output = Literal["linear", "tanh"]

# What may stand in a file beside hidden_sizes: a type, or a choice.
_STORED: dict[str, type | tuple[str, ...]] = {
    "name": str,
    "inputs": get_args(Inputs),
    "dropout": float,
    "dropout_mask": get_args(DropoutMask),
    "batch_norm": bool,
    "output": get_args(Output),
}


@dataclass(frozen=True)
class NetworkSpec:
    """Architecture of the members; see the configuration's section `reward`.

    Args:
        name: a key of `NETWORKS`, or `module:Class` for one of the user's.
        hidden_sizes: of the MLP, and of what follows the keypoints.
        inputs: what a reward is a function of.
        dropout: share of hidden units dropped while fitting.
        dropout_mask: whether both clips of a pair lose the same units.
        batch_norm: of hidden layers, over both clips of the pairs of a pass together.
        output: `linear`, or `tanh` for rewards in (-1, 1).
    """

    name: str
    hidden_sizes: tuple[int, ...] = (64, 64)
    inputs: Inputs = "obs_action"
    dropout: float = 0.0
    dropout_mask: DropoutMask = "shared"
    batch_norm: bool = False
    output: Output = "linear"

    @classmethod
    def from_config(cls, reward: RewardConfig, is_image: bool) -> "NetworkSpec":
        """What the configuration asks for; `auto` is the paper's network for such observations."""
        paper = "cnn" if is_image else "mlp"
        return cls(
            name=paper if reward.network == "auto" else reward.network,
            hidden_sizes=reward.hidden_sizes,
            inputs=reward.inputs,
            dropout=reward.dropout,
            dropout_mask=reward.dropout_mask,
            batch_norm=reward.batch_norm,
            output=reward.output,
        )

    @property
    def is_users(self) -> bool:
        """Whether it is a class of the user's own."""
        return ":" in self.name

    @property
    def sees_next_observations(self) -> bool:
        """Whether a reward is also a function of what the action led to."""
        return self.inputs == "obs_action_next_obs"

    def to_dict(self) -> dict[str, object]:
        """JSON-writable; `from_dict` is the inverse."""
        return {**asdict(self), "hidden_sizes": list(self.hidden_sizes)}

    @classmethod
    def from_dict(cls, data: dict) -> "NetworkSpec":
        """The inverse of `to_dict`. Raises ValueError on anything else."""
        if set(data) != {field.name for field in fields(cls)}:
            raise ValueError(f"a network is described by {sorted(data)}")
        for name, expected in _STORED.items():
            value = data[name]
            if not (value in expected if isinstance(expected, tuple) else type(value) is expected):
                raise ValueError(f"the network's {name} is {value!r}")
        sizes = data["hidden_sizes"]
        if not isinstance(sizes, list) or not all(type(size) is int and size > 0 for size in sizes):
            raise ValueError(f"the network's hidden_sizes are {sizes!r}")
        return cls(**{**data, "hidden_sizes": tuple(sizes)})


@dataclass(frozen=True)
class NetworkShape:
    """Sizes that the environment and the ensemble give.

    Args:
        members: networks in the ensemble.
        observation_shape: `(size,)` of scaled numbers, or `(height, width, stack)` of bytes. Where next observations
            are seen, `(2 * size,)`: they stand behind the observations.
        action_size: entries of an encoded action; 0 where the reward is a function of the observation alone.
    """

    members: int
    observation_shape: tuple[int, ...]
    action_size: int

    @property
    def is_image(self) -> bool:
        """Whether observations are frames."""
        return len(self.observation_shape) == 3
