"""Atari: beside the native environment, replayed, and with hidden ends."""

import ale_py
import numpy as np
import pytest
from ale_py.roms import get_rom_path
from ale_py.vector_env import AtariVectorEnv

from rlhp_ray.config.loading import load_config
from rlhp_ray.config.validation import validate_run
from rlhp_ray.envs.atari_game import AtariGameEnv
from rlhp_ray.envs.atari_vector import AtariGameVectorEnv
from rlhp_ray.envs.game_infos import GAME_OVER_KEY, RAW_SCORE_KEY
from rlhp_ray.envs.registry import describe_env, make_env, make_vector_env, warn_if_score_shown
from rlhp_ray.envs.score_mask import frame_mask
from rlhp_ray.errors import ConfigError, EnvironmentNotSupportedError


def played(env, steps: int, seed: int = 3):
    """Every step's results, of random actions."""
    rng = np.random.default_rng(seed)
    env.reset(seed=seed)
    return [env.step(rng.integers(0, env.single_action_space.n, env.num_envs)) for _ in range(steps)]


@pytest.mark.parametrize("rom", ["pong", "breakout"])
def test_frames_points_and_ends_are_the_native_ones(rom):
    ours = played(AtariGameVectorEnv(rom, 3, hides_score=False), 300)
    native = played(AtariVectorEnv(rom, 3, reward_clipping=False), 300)
    ends = 0
    for mine, other in zip(ours, native, strict=True):
        np.testing.assert_array_equal(mine[0], np.moveaxis(other[0], 1, -1))
        np.testing.assert_array_equal(mine[4][RAW_SCORE_KEY], other[1])
        np.testing.assert_array_equal(mine[1], np.clip(other[1], -1, 1))
        np.testing.assert_array_equal(mine[2:4], other[2:4])
        ends += int(other[2].sum())
    assert ends > 0 or rom == "pong"


def test_the_same_seed_gives_the_same_games():
    first, second = (played(AtariGameVectorEnv("breakout", 2, horizon=40), 120) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        for left, right in zip(one[:4], other[:4], strict=True):
            np.testing.assert_array_equal(left, right)


def test_a_barrier_forgets_all_that_was_played_before_it():
    """As sync mode resets the same environments from derived seeds, and resumed runs fresh ones."""
    env = AtariGameVectorEnv("breakout", 2, horizon=40)
    first = played(env, 180)
    assert any(step[4][GAME_OVER_KEY].any() for step in first)
    played(env, 57, seed=99)
    for one, other in zip(first, played(env, 180), strict=True):
        for left, right in zip(one[:4], other[:4], strict=True):
            np.testing.assert_array_equal(left, right)


def test_what_a_step_returned_stays_as_it_was():
    env = AtariGameVectorEnv("breakout", 2, horizon=40)
    observations, *_, infos = played(env, 3)[-1]
    kept = observations.copy(), infos[GAME_OVER_KEY].copy()
    played(env, 3, seed=4)
    np.testing.assert_array_equal(observations, kept[0])
    np.testing.assert_array_equal(infos[GAME_OVER_KEY], kept[1])


def test_the_score_is_blank_in_every_frame_of_a_stack():
    blank = frame_mask("pong") == 0
    shown = played(AtariGameVectorEnv("pong", 2, hides_score=False), 30)
    hidden = played(AtariGameVectorEnv("pong", 2), 30)
    for (bare, *_), (masked, *_) in zip(shown, hidden, strict=True):
        assert not masked[:, blank].any()
        np.testing.assert_array_equal(masked[:, ~blank], bare[:, ~blank])
    assert bare[:, blank].any()


def test_with_a_horizon_games_end_unseen_and_go_on_beyond_it():
    horizon, penalty = 50, 5.0
    open_ends = played(AtariGameVectorEnv("breakout", 3), 300)
    hidden = AtariGameVectorEnv("breakout", 3, horizon=horizon, termination_penalty=penalty)
    rng = np.random.default_rng(3)
    hidden.reset(seed=3)
    steps, ends = [], 0
    for step in range(300):
        actions = rng.integers(0, 4, 3)
        observations, rewards, terminated, truncated, infos = hidden.step(actions)
        steps.append((observations, truncated))
        over = infos[GAME_OVER_KEY]
        assert not terminated.any()
        np.testing.assert_array_equal(truncated, (step + 1) % (horizon + 1) == horizon)
        taken_for_a_reset = (step + 1) % (horizon + 1) == 0
        charged = np.clip(infos[RAW_SCORE_KEY], -1, 1) - penalty * over
        np.testing.assert_allclose(rewards, 0 if taken_for_a_reset else charged)
        ends += int(over.sum())
    assert ends >= 3
    for (mine, _), other in zip(steps[:horizon], open_ends, strict=False):  # until the first no-op of a truncation
        np.testing.assert_array_equal(mine, other[0])
    last, following = steps[horizon - 1][0], steps[horizon][0]
    np.testing.assert_array_equal(last[..., 1:], following[..., :-1])  # the game was not begun anew


@pytest.mark.parametrize(
    ("rom", "first_action", "played_instead"),
    [
        ("pong", ale_py.Action.NOOP, 0),
        ("backgammon", ale_py.Action.FIRE, 1),
        ("video_checkers", ale_py.Action.FIRE, 1),
    ],
)
def test_a_game_without_a_no_op_goes_on_beyond_the_horizon_with_the_action_before(rom, first_action, played_instead):
    console = ale_py.ALEInterface()
    console.loadROM(get_rom_path(rom))
    assert console.getMinimalActionSet()[0] == first_action
    env = AtariGameVectorEnv(rom, 1, horizon=3)
    log = env.log_actions(8)
    env.reset(seed=0)
    truncated = [bool(env.step(np.array([action]))[3][0]) for action in (2, 2, 1, 2, 2, 2, 1, 2)]
    assert truncated == [False, False, True, False, False, False, True, False]
    (stretch,) = log.origin(0, 8).stretches
    assert stretch.actions.tolist() == [2, 2, 1, played_instead, 2, 2, 1, played_instead]
    env.close()


def test_enduro_is_cut_short_before_its_weather_changes():
    env = AtariGameVectorEnv("enduro", 1, frame_skip=4)
    steps = played(env, 760)
    assert not any(terminated.any() for _, _, terminated, _, _ in steps)
    assert [step + 1 for step, (_, _, _, truncated, _) in enumerate(steps) if truncated.any()] == [3_000 // 4]


def test_the_single_game_is_one_of_the_many_and_its_second_is_rendered_too(shrunk):
    """To a grey level; of two frames, since a rendered one is not the brighter of two."""
    env, many = AtariGameEnv("breakout", render_mode="rgb_array"), AtariGameVectorEnv("breakout", 1)
    for seed in (5, 6):
        one, others = env.reset(seed=seed)[0], many.reset(seed=seed)[0]
        rng = np.random.default_rng(seed)
        ended = False
        while not ended:
            np.testing.assert_array_equal(one, others[0])
            action = rng.integers(0, 4)
            one, points, ended, *_ = env.step(action)
            others, _, terminated, _, infos = many.step(np.array([action]))
            assert (points, ended) == (infos[RAW_SCORE_KEY][0], terminated[0])
            field = shrunk(env.render() @ [0.299, 0.587, 0.114])[20:75].astype(int)  # below the score, above the paddle
            moving = np.abs(field - one[20:75, :, -1]) > 2
            assert moving.mean() < 0.01, "the ball of one frame, and nothing else"
    env.close()


def test_the_single_game_pays_points_and_shows_them_in_colour():
    env = AtariGameEnv("pong", render_mode="rgb_array")
    observation, _ = env.reset(seed=1)
    assert env.observation_space.contains(observation)
    total, ended = 0.0, False
    while not ended:
        _, reward, terminated, truncated, _ = env.step(0)
        total, ended = total + reward, terminated or truncated
    assert total == -21
    picture = env.render()
    assert picture.shape == (210, 160, 3) and len(np.unique(picture.reshape(-1, 3), axis=0)) > 3
    env.close()


def test_a_game_that_does_not_exist_is_answered_with_its_nearest():
    with pytest.raises(EnvironmentNotSupportedError, match="Did you mean ALE/Pong-v5"):
        describe_env("ALE/Pongg-v5")


@pytest.mark.parametrize("make", [make_env, lambda env_id: make_vector_env(env_id, 2)])
@pytest.mark.parametrize("damage", ["missing", "unknown", "damaged"])
def test_a_rom_that_is_missing_is_said_with_what_to_do(monkeypatch, make, damage):
    def find(name):
        if damage == "missing":
            raise FileNotFoundError(f"no {name}.bin")
        if damage == "damaged":
            raise OSError("The hash does not match.")

    monkeypatch.setattr("ale_py.roms.get_rom_path", find)
    with pytest.raises(EnvironmentNotSupportedError, match=r"'pong' has no usable ROM: .*pip install.*ale-py"):
        make("ALE/Pong-v5")


def test_frame_skip_and_copies_are_as_asked_for():
    env = make_vector_env("ALE/Pong-v5", 2, frame_skip=2)
    _, infos = env.reset(seed=0)
    assert env.num_envs == 2 and infos["episode_frame_number"].shape == (2,)


def configured(*overrides: str):
    return load_config("moving_dot", [*overrides, "preferences.labels=20"])


@pytest.mark.parametrize("env_id", ["ALE/Freeway-v5", "CartPole-v1"])
def test_a_mask_that_is_required_and_not_there_is_refused(env_id):
    with pytest.raises(ConfigError, match=r"env\.score_mask: got required.*expected one of the games beam_rider"):
        validate_run(configured(f"env.id={env_id}", "env.score_mask=required", "env.horizon=500"))


def test_a_score_that_is_shown_is_warned_of(recwarn):
    warn_if_score_shown(describe_env("ALE/Pong-v5"), "auto")
    warn_if_score_shown(describe_env("CartPole-v1"), "auto")
    assert not recwarn
    with pytest.warns(UserWarning, match="ALE/Freeway-v5 shows its score.*no mask of this game"):
        warn_if_score_shown(describe_env("ALE/Freeway-v5"), "auto")
    with pytest.warns(UserWarning, match=r"env\.score_mask is off"):
        warn_if_score_shown(describe_env("ALE/Pong-v5"), "off")
