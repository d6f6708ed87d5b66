"""Spaces survive JSON, and anything else is a typed error."""

import json

import gymnasium as gym
import numpy as np
import pytest

from rlhp_ray.errors import CheckpointError
from rlhp_ray.reward.space_json import space_from_dict, space_to_dict

SPACES = [
    gym.spaces.Discrete(5),
    gym.spaces.Discrete(3, start=-1),
    gym.spaces.Box(0, 255, (84, 84, 4), np.uint8),
    gym.spaces.Box(-np.inf, np.inf, (3,), np.float64),
    gym.spaces.Box(np.array([-0.1, 0.3, -np.inf], np.float32), np.array([0.1, np.inf, 1e30], np.float32)),
    gym.spaces.Box(np.array([[0.1, -2], [3, 4]]), np.array([[1 / 3, 2], [30, 40]]), dtype=np.float64),
    gym.spaces.Box(-7, 9, (2, 2), np.int64),
    gym.spaces.Box(-np.inf, np.inf, (2,), np.int64),
    gym.spaces.Box(np.zeros(2, np.uint64), np.array([1, 2**64 - 1], np.uint64), dtype=np.uint64),
]


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_round_trip(space):
    loaded = space_from_dict(json.loads(json.dumps(space_to_dict(space))))
    assert loaded == space and loaded.dtype == space.dtype


def test_a_frame_space_is_written_with_one_bound_not_with_one_per_pixel():
    assert len(json.dumps(space_to_dict(SPACES[2]))) < 200


@pytest.mark.parametrize("space", [gym.spaces.Dict({}), gym.spaces.MultiBinary(3)])
def test_other_spaces_are_not_written(space):
    with pytest.raises(AssertionError):
        space_to_dict(space)


def box(**changes) -> dict:
    return {"type": "Box", "shape": [2], "dtype": "float32", "low": "0x0p+0", "high": "0x1p+0", **changes}


def test_the_box_that_is_damaged_below_is_sound():
    assert space_from_dict(box()) == gym.spaces.Box(0, 1, (2,))


@pytest.mark.parametrize(
    "data",
    [
        {},
        None,
        [],
        {"type": "Dict"},
        {"type": "Discrete"},
        {"type": "Box"},
        box(dtype="nonsense"),
        box(low=3),
        box(low="high"),
        box(low=["0x0p+0"]),
        box(shape=None),
        box(low="0x1p+0", high="0x0p+0"),
    ],
    ids=str,
)
def test_damaged_spaces_are_refused(data):
    with pytest.raises(CheckpointError, match="a stored space"):
        space_from_dict(data)


@pytest.mark.parametrize("n", [0, -1, "three"])
def test_impossible_numbers_of_actions_are_refused(n):
    with pytest.raises(CheckpointError):
        space_from_dict({"type": "Discrete", "n": n, "start": 0})
