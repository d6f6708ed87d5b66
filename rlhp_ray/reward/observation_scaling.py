"""The one place that owns observation scaling, for policy and predictor alike (reference lesson: normalise once).

Bounded numbers are scaled from the space; unbounded ones from the untrained policy's data, fixed for the rest of the
run, since statistics that move under trained weights undo what was learnt. Bytes stay bytes: the networks' first
layer divides them by 255.
"""

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from rlhp_ray.envs.image_space import is_image_space
from rlhp_ray.errors import EnvironmentNotSupportedError

LARGEST_SENSIBLE_BOUND = 1e6  # beyond it a "bound" is a way of writing infinity (CartPole's 3.4e38)
SMALLEST_STD = 1e-6  # an entry that moves less is constant: its unit is unknown, and it is not to be blown up later
BYTE_MAX = 255.0
KINDS = ("linear", "one_hot", "bytes")


@dataclass(frozen=True, eq=False)
class ObservationScaling:
    """Maps observations of one space to what networks get: `(x - offset) / scale`, flattened, or one-hot, or bytes.

    Args:
        kind: `linear`, `one_hot` or `bytes`.
        size: entries of a scaled observation; for bytes, of the image.
        offset: `[size]` float32, or None unless linear.
        scale: `[size]` float32, or None unless linear.
        unbounded: `[size]` bool, entries without sensible bounds, which wait for `fitted_to`.
        start: smallest value of a Discrete space.
    """

    kind: str
    size: int
    shape: tuple[int, ...]
    offset: np.ndarray | None = None
    scale: np.ndarray | None = None
    unbounded: np.ndarray | None = None
    start: int = 0

    @classmethod
    def from_space(cls, space: gym.Space) -> "ObservationScaling":
        """Scaling by the bounds of the space.

        Raises:
            EnvironmentNotSupportedError: the space is neither Box nor Discrete.
        """
        if isinstance(space, gym.spaces.Discrete):
            return cls("one_hot", int(space.n), (), start=int(space.start))
        if not isinstance(space, gym.spaces.Box):
            raise EnvironmentNotSupportedError(
                f"observation space {space}; expected Box or Discrete. Make the environment by "
                "rlhp_ray.envs.make_env, which turns observations of several parts into one Box."
            )
        if is_image_space(space):
            return cls("bytes", int(np.prod(space.shape)), space.shape)
        low, high = (np.asarray(bound, np.float64).reshape(-1) for bound in (space.low, space.high))
        bounded = (np.abs(low) < LARGEST_SENSIBLE_BOUND) & (np.abs(high) < LARGEST_SENSIBLE_BOUND) & (high > low)
        offset = np.where(bounded, (np.where(bounded, low, 0) + np.where(bounded, high, 0)) / 2, 0.0)
        scale = np.where(bounded, (np.where(bounded, high, 1) - np.where(bounded, low, -1)) / 2, 1.0)
        return cls("linear", low.size, space.shape, offset.astype(np.float32), scale.astype(np.float32), ~bounded)

    @property
    def needs_data(self) -> bool:
        """Whether some entries have no bounds to scale by."""
        return self.unbounded is not None and bool(self.unbounded.any())

    def fitted_to(self, observations: np.ndarray) -> "ObservationScaling":
        """Entries without bounds get mean 0 and standard deviation 1 over `observations [n, *shape]`, once for ever.

        Entries that are constant there keep their unit.
        """
        assert self.offset is not None and self.scale is not None and self.unbounded is not None
        flat = observations.reshape(-1, self.size).astype(np.float64)
        offset = np.where(self.unbounded, flat.mean(axis=0), self.offset).astype(np.float32)
        std = flat.std(axis=0)
        std[std < SMALLEST_STD] = 1.0
        scale = np.where(self.unbounded, std, self.scale).astype(np.float32)
        return ObservationScaling(self.kind, self.size, self.shape, offset, scale, np.zeros_like(self.unbounded))

    def becomes(self, other: "ObservationScaling") -> bool:
        """Whether `other` is this scaling, or may be what `fitted_to` makes of it."""
        mine, theirs = ((s.kind, s.size, s.shape, s.start) for s in (self, other))
        if mine != theirs:
            return False
        if self.offset is None or self.scale is None or self.unbounded is None:
            return True
        fixed = ~self.unbounded
        return all(
            np.array_equal(getattr(self, name)[fixed], getattr(other, name)[fixed]) for name in ("offset", "scale")
        )

    def __call__(self, observations: np.ndarray) -> np.ndarray:
        """Scale `[n, *shape]` to `[n, size]` float32; bytes are returned as they came, `[n, *shape]` uint8."""
        if self.kind == "bytes":
            return observations
        if self.kind == "one_hot":
            return np.eye(self.size, dtype=np.float32)[observations - self.start]
        assert self.offset is not None and self.scale is not None
        flat = observations.reshape(len(observations), self.size).astype(np.float32)
        return (flat - self.offset) / self.scale

    @property
    def scaled_space(self) -> gym.spaces.Box:
        """The space of scaled observations, as the policy sees it."""
        if self.kind == "bytes":
            return gym.spaces.Box(0, 255, self.shape, np.uint8)
        return gym.spaces.Box(-np.inf, np.inf, (self.size,), np.float32)

    def to_dict(self) -> dict[str, object]:
        """JSON-writable; `from_dict` is the inverse."""
        arrays = {name: getattr(self, name) for name in ("offset", "scale", "unbounded")}
        lists = {name: None if array is None else array.tolist() for name, array in arrays.items()}
        return {"kind": self.kind, "size": self.size, "shape": list(self.shape), "start": self.start, **lists}

    @classmethod
    def from_dict(cls, data: dict) -> "ObservationScaling":
        """The inverse of `to_dict`. Raises ValueError, KeyError or TypeError on anything else."""
        sizes = [data["size"], data["start"], *data["shape"]]
        if data["kind"] not in KINDS or any(type(size) is not int for size in sizes):
            raise ValueError(f"a scaling is of kind {data['kind']!r}, with size, start and shape {sizes}")
        dtypes = {"offset": np.float32, "scale": np.float32, "unbounded": np.bool_}
        arrays: dict[str, Any] = {
            name: None if data[name] is None else np.array(data[name], dtype) for name, dtype in dtypes.items()
        }
        shapes = [None if array is None else array.shape for array in arrays.values()]
        if data["kind"] == "linear" and shapes != [(data["size"],)] * len(shapes):
            raise ValueError(f"a linear scaling of {data['size']} entries has arrays of the shapes {shapes}")
        return cls(data["kind"], data["size"], tuple(data["shape"]), start=data["start"], **arrays)


def encode_actions(actions: np.ndarray, space: gym.Space) -> np.ndarray:
    """Actions as the predictor gets them: one-hot, or scaled from the bounds of the space to [-1, 1].

    Args:
        actions: `[n, *action_shape]`.
        space: Discrete, or Box with one axis and bounds.

    Returns:
        `[n, action_size]` float32.
    """
    if isinstance(space, gym.spaces.Discrete):
        return np.eye(int(space.n), dtype=np.float32)[actions - space.start]
    assert isinstance(space, gym.spaces.Box)
    centre, half = (space.high + space.low) / 2, (space.high - space.low) / 2
    half[half == 0] = 1  # an entry that cannot vary is encoded as 0
    return ((actions - centre) / half).reshape(len(actions), -1).astype(np.float32)


def action_size(space: gym.Space) -> int:
    """Entries of an encoded action."""
    if isinstance(space, gym.spaces.Discrete):
        return int(space.n)
    assert isinstance(space, gym.spaces.Box)
    return int(np.prod(space.shape))
