"""Clips played again from their origins, against what the native environment showed and paid at first."""

import numpy as np
import pytest

from rlhp_ray.envs.clip_origin import ClipOrigin, GameStretch
from rlhp_ray.envs.clip_replay import ClipReplayer
from rlhp_ray.envs.score_mask import SCORE_PARTS
from rlhp_ray.errors import EnvironmentNotSupportedError, RewardDataError


@pytest.fixture(scope="module")
def replayer() -> ClipReplayer:
    return ClipReplayer()


def assert_same_game(replayer, games, row: int, clip_steps: int) -> ClipOrigin:
    origin = games.log.origin(row, clip_steps)
    replayed = replayer.replay(ClipOrigin.from_bytes(origin.to_bytes()))
    np.testing.assert_array_equal(replayed.observed, [newest[row] for newest in games.newest[-clip_steps:]])
    np.testing.assert_array_equal(replayed.points, [points[row] for points in games.points[-clip_steps:]])
    return origin


@pytest.mark.parametrize("rom", SCORE_PARTS)
def test_a_game_is_the_same_to_the_bit_whatever_was_played_on_its_console(replayer, native_games, rom):
    """BeamRider and Seaquest start otherwise after other resets."""
    games = native_games(rom, clip_steps=60)
    for _ in range(4):
        games.step()
        games.reset()
    for _ in range(100):
        games.step()
    origin = assert_same_game(replayer, games, 0, 60)
    assert [part.earlier_games for part in origin.stretches] == [4] and origin.first_step == 40


def test_a_clip_may_span_games_and_the_resets_between_them(replayer, native_games):
    games = native_games("breakout", num_envs=2, clip_steps=40)
    while not games.over[1]:
        games.step()
    for _ in range(25):
        games.step()
    origin = assert_same_game(replayer, games, 1, 40)
    assert [part.opening_steps for part in origin.stretches] == [0, 1]


def test_a_clip_may_begin_with_the_reset_itself(replayer, native_games):
    games = native_games("breakout", clip_steps=30)
    while not games.over[0]:
        games.step()
    for _ in range(30):
        games.step()
    origin = assert_same_game(replayer, games, 0, 30)
    assert (len(origin.stretches), origin.first_step) == (1, 0)


def test_a_game_that_is_cut_short_ends_as_it_did(replayer, native_games):
    """Natively its last raw frame is not looked at, and a part of the step before is still shown."""
    games = native_games("enduro", clip_steps=30)
    for _ in range(750):
        games.step()
    assert games.over[0]
    assert len(assert_same_game(replayer, games, 0, 30).stretches) == 1
    for _ in range(29):
        games.step()
    origin = assert_same_game(replayer, games, 0, 30)
    assert [len(part) for part in origin.stretches] == [750, 29] and origin.first_step == 749


def test_clips_are_played_in_any_order(replayer, native_games):
    games = native_games("beam_rider", clip_steps=10)
    origins = []
    for _ in range(3):
        for _ in range(20):
            games.step()
        origins.append(games.log.origin(0, 10))
        games.reset()
    first = [replayer.replay(origin).ram for origin in origins]
    for before, origin in zip(reversed(first), reversed(origins), strict=True):
        np.testing.assert_array_equal(replayer.replay(origin).ram, before)
    assert not np.array_equal(first[0], first[1])


def test_screens_are_all_raw_frames_or_the_last_of_each_step(replayer, native_games):
    games = native_games("pong", clip_steps=5)
    for _ in range(50):
        games.step()
    origin = games.log.origin(0, 5)
    every, last = (replayer.replay(origin, screens_per_step=number) for number in (4, 1))
    assert every.frames.shape == (20, 210, 160, 3) and last.frames.shape == (5, 210, 160, 3)
    np.testing.assert_array_equal(every.frames[3::4], last.frames)
    assert len(np.unique(every.frames.reshape(20, -1), axis=0)) > 10  # the ball moves
    np.testing.assert_array_equal(every.ram, last.ram)
    with pytest.raises(ValueError, match="screens_per_step=2"):
        replayer.replay(origin, screens_per_step=2)


def pong(actions: list[int], **other) -> ClipOrigin:
    settings = {"rom": "pong", "frame_skip": 4, "first_step": 0} | other
    return ClipOrigin(**settings, stretches=(GameStretch(0, 1, 0, np.array(actions, np.uint8)),))


def test_ram_tells_the_score(replayer):
    """Bytes 13 and 14 of Pong; idle, it loses every ball."""
    replayed = replayer.replay(pong([0] * 150))
    np.testing.assert_array_equal(replayed.ram[:, 13], -np.cumsum(replayed.points))
    assert replayed.ram[-1, 13] >= 1 and replayed.ram[-1, 14] == 0


def test_what_does_not_fit_the_game_is_refused(replayer):
    with pytest.raises(RewardDataError, match="the action 6; expected 0 to 5"):
        replayer.replay(pong([0, 6]))
    with pytest.raises(EnvironmentNotSupportedError, match="'pnog' has no usable ROM"):
        replayer.replay(pong([0], rom="pnog"))
    with pytest.raises(RewardDataError, match=r"was over after 7.. of 1500 agent steps"):
        replayer.replay(pong([0] * 1500))
