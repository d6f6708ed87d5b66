"""Origins as bytes, and what is not one."""

import json
import zlib

import numpy as np
import pytest
from safetensors.numpy import save

from rlhp_ray.envs.clip_origin import FORMAT, ClipOrigin, GameStretch
from rlhp_ray.errors import RewardDataError


def stretch(steps: int, opening: int = 0, earlier: int = 0) -> GameStretch:
    return GameStretch(earlier, 7, opening, np.arange(steps, dtype=np.uint8) % 6)


def packed(header: dict, starts: list, actions: np.ndarray) -> bytes:
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    return zlib.compress(save({"header": text, "starts": np.array(starts, np.int64), "actions": actions}))


def test_bytes_hold_everything():
    origin = ClipOrigin("pong", 4, 6, (stretch(10, earlier=3), stretch(0, opening=1, earlier=4), stretch(5, 1, 5)))
    back = ClipOrigin.from_bytes(origin.to_bytes())
    assert (back.rom, back.frame_skip, back.first_step, len(back)) == ("pong", 4, 6, 11)
    for mine, other in zip(back.stretches, origin.stretches, strict=True):
        assert (mine.earlier_games, mine.reset_frames, mine.opening_steps) == (
            other.earlier_games,
            other.reset_frames,
            other.opening_steps,
        )
        np.testing.assert_array_equal(mine.actions, other.actions)


def test_a_long_game_is_a_few_kilobytes():
    actions = np.random.default_rng(0).integers(0, 6, 5_000).astype(np.uint8)
    assert len(ClipOrigin("pong", 4, 4_975, (GameStretch(0, 7, 0, actions),)).to_bytes()) < 5_000


@pytest.mark.parametrize(
    ("frame_skip", "first_step", "stretches"),
    [
        (4, 0, ()),
        (0, 0, (stretch(3),)),
        (4, 3, (stretch(3),)),
        (4, -1, (stretch(3),)),
        (4, 0, (stretch(3), stretch(0))),
        (4, 0, (stretch(3, earlier=-1),)),
        (4, 0, (GameStretch(0, 7, 0, np.zeros(3, np.int64)),)),
        (4, 0, (GameStretch(0, 7, 0, np.zeros((3, 1), np.uint8)),)),
    ],
)
def test_what_does_not_hold_together_is_refused(frame_skip, first_step, stretches):
    with pytest.raises(RewardDataError, match="does not hold together"):
        ClipOrigin("pong", frame_skip, first_step, stretches)


GOOD = {"format": FORMAT, "version": 1, "rom": "pong", "frame_skip": 4, "first_step": 0}
THREE = np.zeros(3, np.uint8)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        zlib.compress(b"nonsense"),
        zlib.compress(save({"other": THREE})),
        ClipOrigin("pong", 4, 0, (stretch(30),)).to_bytes()[:-9],
        packed(GOOD | {"version": 2}, [[0, 7, 0, 3]], THREE),
        packed(GOOD | {"format": "other"}, [[0, 7, 0, 3]], THREE),
        packed(GOOD | {"frame_skip": "many"}, [[0, 7, 0, 3]], THREE),
        packed({"format": FORMAT}, [[0, 7, 0, 3]], THREE),
        packed(GOOD, [[0, 7, 0, 4]], THREE),
        packed(GOOD, [[0, 7, 0, -1], [0, 7, 0, 4]], THREE),
        packed(GOOD, [[0, 7, 3]], THREE),
        packed(GOOD, [], THREE),
    ],
)
def test_foreign_bytes_are_refused(data):
    with pytest.raises(RewardDataError, match="the origin of a clip cannot be read"):
        ClipOrigin.from_bytes(data)


def test_the_good_header_is_one():
    assert len(ClipOrigin.from_bytes(packed(GOOD, [[0, 7, 0, 3]], THREE))) == 3
