"""Whole episodes in colour, against a console that the same game is played on."""

from dataclasses import replace

import ale_py
import numpy as np
import pytest

from rlhp_ray.clips import episode_recorder
from rlhp_ray.clips.episode_rendering import episode_frames
from rlhp_ray.envs.clip_origin import GameStretch
from rlhp_ray.errors import RewardDataError
from tests.clips.watched_games import WatchedGame, pong_episode

SCORE_ROWS = 22


def played_directly(game: WatchedGame) -> np.ndarray:
    console = ale_py.ALEInterface()
    console.setFloat("repeat_action_probability", 0.0)
    console.loadROM(ale_py.roms.get_rom_path("pong"))
    console.reset_game()
    for action in [ale_py.Action.FIRE] + (game.reset_frames - 1) * [ale_py.Action.NOOP]:
        console.act(action)
    screens = []
    for action in game.actions:
        for _ in range(4):
            console.act(console.getMinimalActionSet()[action])
        screens.append(console.getScreenRGB())
    return np.stack(screens)


def test_an_episode_is_shown_as_the_console_shows_it_but_for_the_score():
    game = pong_episode(120)
    frames, expected = np.stack(list(episode_frames(game.episode.clip))), played_directly(game)
    np.testing.assert_array_equal(frames[:, SCORE_ROWS:], expected[:, SCORE_ROWS:])
    assert expected[:, :SCORE_ROWS].any() and not frames[:, :SCORE_ROWS].any()
    assert len(np.unique(frames[0].reshape(-1, 3), axis=0)) > 3  # in colour


def test_of_a_long_episode_the_beginning_is_shown(monkeypatch):
    monkeypatch.setattr(episode_recorder, "MAX_EPISODE_STEPS", 20)
    game = pong_episode(50)
    assert (game.episode.env_steps, game.episode.clip.origin.size_bytes) == (50, 20)
    frames = list(episode_frames(game.episode.clip))
    assert len(frames) == 20
    np.testing.assert_array_equal(frames[-1][SCORE_ROWS:], played_directly(game)[19, SCORE_ROWS:])


def test_another_game_is_shown_up_to_where_it_differs():
    clip = pong_episode(60).episode.clip
    (stretch,) = clip.origin.stretches
    other = GameStretch(0, stretch.reset_frames, 0, np.where(np.arange(60) < 30, stretch.actions, 0).astype(np.uint8))
    frames = episode_frames(replace(clip, origin=replace(clip.origin, stretches=(other,))))
    assert len([next(frames) for _ in range(30)]) == 30
    with pytest.raises(RewardDataError, match=r"cannot be played again: what it shows from its step 3\d on"):
        list(frames)
