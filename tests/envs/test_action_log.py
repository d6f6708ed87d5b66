"""The log without an emulator: what is kept, and what an origin takes of it."""

import numpy as np
import pytest

from rlhp_ray.envs.action_log import ActionLog
from rlhp_ray.errors import RewardDataError

FRAMES = np.array([5, 9])
NOBODY = np.zeros(2, bool)


def logged(clip_steps: int = 4, max_game_steps: int = 50) -> ActionLog:
    log = ActionLog("pong", 4, 2, clip_steps, max_game_steps)
    log.begin(range(2), FRAMES, console_loaded=True)
    return log


def play(log: ActionLog, *actions: int) -> None:
    for action in actions:
        log.record(np.array([action, 10 + action]), NOBODY, FRAMES)


def parts(log: ActionLog, row: int, clip_steps: int) -> tuple[int, list]:
    origin = log.origin(row, clip_steps)
    assert len(origin) == clip_steps
    return origin.first_step, [
        (part.earlier_games, part.reset_frames, part.opening_steps, part.actions.tolist()) for part in origin.stretches
    ]


def test_an_origin_reaches_back_to_the_start_of_its_game():
    log = logged()
    play(log, 1, 2, 3, 4, 5, 0)
    assert parts(log, 0, 4) == (2, [(0, 5, 0, [1, 2, 3, 4, 5, 0])])
    assert parts(log, 1, 1) == (5, [(0, 9, 0, [11, 12, 13, 14, 15, 10])])


def test_an_origin_does_not_change_when_the_game_goes_on():
    log = logged()
    play(log, 1, 2, 3, 4)
    origin = log.origin(0, 4)
    play(log, 5, 5)
    log.begin([0], FRAMES, console_loaded=True)
    play(log, 0, 0)
    assert origin.stretches[0].actions.tolist() == [1, 2, 3, 4]


def test_an_automatic_reset_is_a_step_whose_action_was_not_played():
    log = logged()
    play(log, 1, 2)
    log.record(np.array([3, 13]), np.array([True, False]), np.array([21, 0]))
    play(log, 4)
    assert parts(log, 0, 4) == (0, [(0, 5, 0, [1, 2]), (1, 21, 1, [4])])
    assert parts(log, 0, 2) == (0, [(1, 21, 1, [4])])
    assert parts(log, 1, 4) == (0, [(0, 9, 0, [11, 12, 13, 14])])


def test_games_of_a_step_each_all_lie_in_one_clip():
    log = logged()
    for action in (1, 2, 3, 4, 5):
        log.begin([0], FRAMES, console_loaded=False)
        play(log, action)
    assert [part[3] for part in parts(log, 0, 4)[1]] == [[2], [3], [4], [5]]
    assert [part[0] for part in parts(log, 0, 4)[1]] == [2, 3, 4, 5]


def test_a_reset_with_a_seed_counts_games_anew():
    log = logged()
    play(log, 1)
    log.begin([0, 1], FRAMES, console_loaded=False)
    play(log, 2)
    log.begin([1], FRAMES, console_loaded=True)
    play(log, 3)
    assert parts(log, 0, 1)[1][0][0] == 1
    assert parts(log, 1, 1)[1][0][0] == 0


def test_what_lies_behind_any_clip_is_forgotten():
    log = logged(clip_steps=4)
    for _ in range(200):
        log.begin(range(2), FRAMES, console_loaded=False)
        play(log, 1, 2, 3)
    assert len(log._past[0]) == 2


def test_a_game_may_last_as_long_as_the_environment_allows():
    log = logged(max_game_steps=5)
    play(log, 1, 2, 3, 4, 5)
    log.record(np.array([0, 0]), np.array([True, True]), FRAMES)
    play(log, 1)
    assert parts(log, 0, 4) == (3, [(0, 5, 0, [1, 2, 3, 4, 5]), (1, 5, 1, [1])])


@pytest.mark.parametrize("steps", [0, -1, 3, 5])
def test_steps_that_are_not_known_cannot_be_asked_for(steps):
    log = logged(clip_steps=4)
    play(log, 1, 2)
    with pytest.raises(RewardDataError, match=rf"origin of {steps} agent steps of environment 0.*from 1 to 2"):
        log.origin(0, steps)


def test_the_game_under_way_has_an_origin_however_long_it_is():
    log = logged(clip_steps=1)
    play(log, 1, 2, 3, 4, 5)
    origin = log.game_origin(0, 5, 3)
    assert (origin.first_step, len(origin), origin.stretches[0].actions.tolist()) == (0, 3, [1, 2, 3])
    log.record(np.array([9, 19]), np.array([True, False]), FRAMES)
    play(log, 6, 7)
    hidden, visible = log.game_origin(0, 3, 3), log.game_origin(0, 2, 1)
    assert (hidden.first_step, hidden.stretches[0].actions.tolist()) == (0, [6, 7])  # its reset was a step
    assert (visible.first_step, len(visible), visible.stretches[0].actions.tolist()) == (1, 1, [6])


@pytest.mark.parametrize(("game_steps", "kept_steps"), [(3, 3), (2, 0), (1, 2)])
def test_a_game_has_no_origin_of_steps_that_were_not_played(game_steps, kept_steps):
    log = logged()
    play(log, 1, 2)
    with pytest.raises(RewardDataError, match=r"of environment 0 was asked for; its game has had 2"):
        log.game_origin(0, game_steps, kept_steps)
