"""MovingDot: its rules by hand, its screen by an independent downscale, its two environments against each other."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

from rlhp_ray.envs import MovingDotEnv, MovingDotVectorEnv, stratified_starts
from rlhp_ray.envs.moving_dot_screen import draw_colour_screen, draw_grey_stacks
from rlhp_ray.errors import ConfigError

STAY, DOWN, RIGHT, UP, LEFT = range(5)  # y grows downwards on the screen
CENTRE = np.array([80, 105])
MOVING_DOTS = ["rlhp/MovingDot-v0", "rlhp/MovingDotPixels-v0", "rlhp/MovingDotContinuous-v0"]


def one_dot_at(x: int, y: int, **settings) -> MovingDotVectorEnv:
    dots = MovingDotVectorEnv(1, **settings)
    dots.reset(options={"starts": np.array([[x, y]])})
    return dots


def play(dots: MovingDotVectorEnv, actions: list) -> float:
    return float(sum(dots.step(np.array([action]))[1][0] for action in actions))


def area_downscale(screen: np.ndarray) -> np.ndarray:
    """Area average to 84x84 by exact integer blocks: 210 x 2 = 84 x 5 rows and 160 x 21 = 84 x 40 columns."""
    fine = screen[..., 0].astype(np.float64).repeat(2, axis=0).repeat(21, axis=1)
    return np.rint(fine.reshape(84, 5, 84, 40).mean(axis=(1, 3))).astype(np.uint8)


@pytest.mark.parametrize("env_id", MOVING_DOTS)
@pytest.mark.filterwarnings("error")
def test_gymnasium_accepts_the_environments(env_id):
    check_env(gym.make(env_id, render_mode="rgb_array").unwrapped)


@pytest.mark.parametrize(
    ("start", "action", "end", "reward"),
    [
        ((80, 105), STAY, (80, 105), 0),
        ((80, 100), DOWN, (80, 104), 4),
        ((70, 105), RIGHT, (74, 105), 4),
        ((80, 100), UP, (80, 96), -4),
        ((70, 105), LEFT, (66, 105), -4),
        ((79, 105), RIGHT, (83, 105), 1 - 3),  # onto the centre, then past it
        ((78, 100), RIGHT, (82, 100), 2 - 2),
        ((155, 105), RIGHT, (157, 105), -2),  # stopped at the wall, and not paid there
        ((80, 204), DOWN, (80, 207), -3),
        ((3, 105), LEFT, (2, 105), -1),
        ((0, 0), STAY, (2, 2), 1),  # clipped into the screen by the first raw step
        ((159, 209), STAY, (157, 207), 1),
        ((0, 105), RIGHT, (5, 105), 4),  # the first raw step is clipped from 1 to 2
    ],
)
def test_moves_and_rewards_by_hand(start, action, end, reward):
    dots = one_dot_at(*start)
    observations, rewards, terminations, truncations, infos = dots.step(np.array([action]))
    assert tuple(dots.positions[0]) == end
    assert rewards.tolist() == [reward]
    np.testing.assert_allclose(observations[0], np.divide(end, [159, 209]), rtol=1e-6)
    assert (terminations.any(), truncations.any(), infos) == (False, False, {})


@pytest.mark.parametrize(
    ("action", "end"),
    [([0.1, 0.0999], (84, 101)), ([-1, 1], (76, 109)), ([0.0, 0.0], (76, 101))],
)
def test_continuous_dot_moves_on_both_axes_and_cannot_stay(action, end):
    dots = one_dot_at(80, 105, continuous=True)
    dots.step(np.array([action], dtype=np.float64))
    assert tuple(dots.positions[0]) == end


@pytest.mark.parametrize(("frame_skip", "steps"), [(4, 250), (1, 1000), (3, 334)])
def test_an_episode_is_a_thousand_raw_steps_and_never_terminates(frame_skip, steps):
    dots = one_dot_at(2, 105, frame_skip=frame_skip)
    assert dots.episode_steps == steps
    for step in range(1, steps + 1):
        action = RIGHT if step == steps else STAY
        _, rewards, terminations, truncations, _ = dots.step(np.array([action]))
        assert not terminations.any()
        assert truncations.item() == (step == steps)
    assert rewards.item() == 1000 - frame_skip * (steps - 1)  # the last agent step stops with the episode


def test_the_step_after_an_end_is_the_reset():
    dots = MovingDotVectorEnv(3, max_episode_steps=2)
    dots.reset(seed=5, options={"starts": np.full((3, 2), 50)})
    dots.step(np.full(3, RIGHT))
    assert dots.step(np.full(3, RIGHT))[3].all()
    _, rewards, _, truncations, _ = dots.step(np.full(3, RIGHT))
    assert rewards.tolist() == [0, 0, 0]
    assert not truncations.any()
    assert len(np.unique(dots.positions, axis=0)) == 3  # new random starts
    before = dots.positions
    dots.step(np.full(3, STAY))
    assert dots.step(np.full(3, STAY))[3].all()  # a whole episode follows
    assert np.abs(dots.positions - before).max() <= 2
    assert dots.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP


def test_a_reset_in_the_middle_forgets_the_episode_before():
    dots = MovingDotVectorEnv(2, observation_mode="pixels", max_episode_steps=2)
    dots.reset(seed=0)
    dots.step(np.full(2, RIGHT))
    dots.step(np.full(2, RIGHT))
    observations, _ = dots.reset(options={"starts": np.full((2, 2), 50)})
    assert not observations[..., :3].any()
    _, rewards, _, truncations, _ = dots.step(np.full(2, RIGHT))
    assert rewards.tolist() == [4, 4]
    assert not truncations.any()


@pytest.mark.parametrize("env_id", MOVING_DOTS)
def test_vector_and_single_environment_agree_step_for_step(env_id):
    starts = np.array([[0, 0], [159, 209], [80, 105], [33, 180]])
    dots = gym.make_vec(env_id, 4)
    singles = [gym.make(env_id) for _ in starts]
    batch, _ = dots.reset(seed=1, options={"starts": starts})
    for i, env in enumerate(singles):
        np.testing.assert_array_equal(env.reset(options={"starts": starts[i : i + 1]})[0], batch[i])
    dots.action_space.seed(3)
    for _ in range(250):
        actions = dots.action_space.sample()
        batch, rewards, terminations, truncations, _ = dots.step(actions)
        for i, env in enumerate(singles):
            observation, reward, terminated, truncated, info = env.step(actions[i])
            np.testing.assert_array_equal(observation, batch[i])
            assert observation.dtype == batch.dtype == env.observation_space.dtype
            assert (reward, terminated, truncated, info) == (rewards[i], terminations[i], truncations[i], {})
    assert truncations.all()


def test_grey_frames_are_the_area_average_of_the_colour_screen():
    positions = [(2, 2), (157, 207), (80, 105), (159, 209), (158, 2), (0, 50), (50, 1), (7, 12), (3, 9), (101, 44)]
    positions += stratified_starts(300).tolist()
    frames = draw_grey_stacks(np.array(positions)[:, None, :])
    assert frames.shape == (len(positions), 84, 84, 1)
    for (x, y), frame in zip(positions, frames[..., 0], strict=True):
        np.testing.assert_array_equal(frame, area_downscale(draw_colour_screen(x, y)))


def test_the_screen_is_white_on_black_and_empty_when_started_too_close_to_the_edge():
    screen = draw_colour_screen(80, 105)
    assert screen.shape == (210, 160, 3)
    assert (screen[103:107, 78:82] == 255).all()
    assert screen.sum() == 16 * 3 * 255
    assert not draw_colour_screen(1, 100).any()
    assert not draw_colour_screen(100, 1).any()


def test_pixels_stack_the_last_four_frames_newest_last():
    dots = MovingDotVectorEnv(2, observation_mode="pixels", render_mode="rgb_array")
    observations, _ = dots.reset(options={"starts": np.array([[40, 60], [100, 150]])})
    assert dots.frame_stack == 4
    assert not observations[..., :3].any()
    screens = [dots.render()]
    for _ in range(4):
        observations = dots.step(np.array([RIGHT, UP]))[0]
        screens.append(dots.render())
    for env in range(2):
        for frame in range(4):
            np.testing.assert_array_equal(observations[env, ..., frame], area_downscale(screens[1 + frame][env]))


def test_returned_observations_are_not_overwritten():
    dots = MovingDotVectorEnv(2, observation_mode="pixels")
    first, _ = dots.reset(seed=0)
    kept = first.copy()
    dots.step(np.array([RIGHT, LEFT]))
    np.testing.assert_array_equal(first, kept)


def go_to_centre(positions: np.ndarray) -> np.ndarray:
    """Along the axis that is more than two pixels off, horizontally first; four raw steps cannot improve on less."""
    dx, dy = (CENTRE - positions).T
    vertical = np.where(np.abs(dy) > 2, np.where(dy > 0, DOWN, UP), STAY)
    return np.where(np.abs(dx) > 2, np.where(dx > 0, RIGHT, LEFT), vertical)


def test_going_to_the_centre_pays_90_5_from_stratified_starts():
    dots = MovingDotVectorEnv(1000)
    dots.reset(options={"starts": stratified_starts(1000)})
    returns = sum(dots.step(go_to_centre(dots.positions))[1] for _ in range(250))
    assert returns.mean() == pytest.approx(90.5, abs=0.5)
    assert returns.std() == pytest.approx(38, abs=1)


def test_stratified_starts_are_fixed_and_cover_the_screen():
    starts = stratified_starts(400)
    np.testing.assert_array_equal(starts, stratified_starts(400))
    assert (starts.min(axis=0) <= 1).all()
    assert (starts.max(axis=0) >= [158, 208]).all()
    cells = np.unique(starts // [40, 53], axis=0, return_counts=True)[1]
    assert len(cells) == 16
    assert cells.min() >= 20
    assert stratified_starts(1).tolist() == [[80, 105]]
    with pytest.raises(ValueError, match="1 or more"):
        stratified_starts(0)


def test_the_wall_exploit_of_the_continuous_dot_is_kept():
    dots = one_dot_at(2, 100, continuous=True)
    down_into_wall, up_off_wall, up_to_wall = [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]
    cycle = [down_into_wall, up_off_wall, up_to_wall, down_into_wall]
    assert play(dots, cycle) == 8
    assert tuple(dots.positions[0]) == (2, 100)
    assert play(dots, cycle * 61) == 496 - 8


def test_random_starts_are_seeded_and_cover_the_screen():
    dots = MovingDotVectorEnv(5000)
    first, _ = dots.reset(seed=11)
    again, _ = MovingDotVectorEnv(5000).reset(seed=11)
    other, _ = dots.reset(seed=12)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert first.min() == 0
    assert first.max() == 1
    assert (MovingDotVectorEnv(2, random_start=False).reset(seed=1)[0] == 0).all()


def test_unseeded_resets_of_a_single_dot_continue_its_generator():
    def starts(seed: int) -> list[list[float]]:
        env = MovingDotEnv()
        return [env.reset(seed=seed)[0].tolist(), env.reset()[0].tolist(), env.reset()[0].tolist()]

    assert starts(7) == starts(7)
    assert len({tuple(start) for start in starts(7)}) == 3


@pytest.mark.parametrize(
    ("starts", "message"),
    [
        (np.zeros((3, 2), dtype=int), r"\(3, 2\).*expected integers \(2, 2\)"),
        (np.zeros((2, 2)), "float64; expected integers"),
        (np.array([[0, 0], [160, 0]]), "expected x in 0..159"),
    ],
)
def test_wrong_starts_are_refused(starts, message):
    with pytest.raises(ValueError, match=message):
        MovingDotVectorEnv(2).reset(options={"starts": starts})


@pytest.mark.parametrize("actions", [np.array([5, 0]), np.array([-1, 0]), np.array([0.5, 0.5]), np.array([0])])
def test_wrong_actions_are_refused(actions):
    dots = MovingDotVectorEnv(2)
    dots.reset(seed=0)
    with pytest.raises(ValueError, match="expected"):
        dots.step(actions)


@pytest.mark.parametrize(
    "settings", [{"frame_skip": 0}, {"num_envs": 0}, {"observation_mode": "smell"}, {"render_mode": "human"}]
)
def test_wrong_settings_are_refused(settings):
    with pytest.raises(ConfigError, match=f"{next(iter(settings))}=.*expected"):
        MovingDotVectorEnv(**settings)
