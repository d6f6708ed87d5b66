"""Spaces as JSON, for exports that are read without pickle."""

import gymnasium as gym
import numpy as np

from rlhp_ray.errors import CheckpointError


def space_to_dict(space: gym.Space) -> dict[str, object]:
    """A Box or Discrete space as JSON-writable data; bounds are kept as text, since JSON has no infinity."""
    if isinstance(space, gym.spaces.Discrete):
        return {"type": "Discrete", "n": int(space.n), "start": int(space.start)}
    assert isinstance(space, gym.spaces.Box), space
    bounds = {
        name: float(bound.flat[0]).hex() if (bound == bound.flat[0]).all() else [float(x).hex() for x in bound.flat]
        for name, bound in (("low", space.low), ("high", space.high))
    }
    return {"type": "Box", "shape": list(space.shape), "dtype": str(space.dtype), **bounds}


def space_from_dict(data: dict) -> gym.Space:
    """The inverse of `space_to_dict`. Raises CheckpointError on anything else."""
    try:
        if data["type"] == "Discrete":
            return gym.spaces.Discrete(data["n"], start=data["start"])
        if data["type"] == "Box":
            dtype, shape = np.dtype(data["dtype"]), tuple(data["shape"])
            low, high = (_bound(data[name], dtype, shape) for name in ("low", "high"))
            return gym.spaces.Box(low, high, shape, dtype.type)
    except (KeyError, TypeError, ValueError, OverflowError, AssertionError) as error:  # Gymnasium asserts
        raise CheckpointError(f"a stored space cannot be read ({error!r}): {str(data)[:200]}") from error
    raise CheckpointError(f"a stored space is of type {data['type']!r}; expected Box or Discrete")


def _bound(stored: str | list[str], dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    numbers: list[float] = [float.fromhex(x) for x in ([stored] if isinstance(stored, str) else stored)]
    if dtype.kind in "iu":  # the largest 64-bit integer was rounded up to a float, which no integer type holds
        limits = np.iinfo(dtype)
        numbers = [min(max(int(number), limits.min), limits.max) for number in numbers]
    return np.full(shape, numbers[0], dtype) if isinstance(stored, str) else np.array(numbers, dtype).reshape(shape)
