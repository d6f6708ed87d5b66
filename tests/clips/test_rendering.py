"""Clips of real Atari games, cut by the recorder and shown again in colour."""

from contextlib import closing
from dataclasses import replace

import imageio.v3 as iio
import numpy as np
import pytest

from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.recorder import ClipRecorder
from rlhp_ray.clips.rendering import ClipRenderer
from rlhp_ray.envs.action_log import action_log_of
from rlhp_ray.envs.atari_game import AtariGameEnv
from rlhp_ray.envs.atari_vector import AtariGameVectorEnv
from rlhp_ray.envs.clip_origin import GameStretch
from rlhp_ray.envs.game_infos import GAME_OVER_KEY
from rlhp_ray.envs.moving_dot import MovingDotVectorEnv
from rlhp_ray.errors import RewardDataError
from rlhp_ray.preferences.preference_copying import import_preferences
from rlhp_ray.preferences.preference_export import write_export
from rlhp_ray.preferences.preference_source import DatabaseSource
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.preference_subject import PreferenceSubject
from rlhp_ray.reward.space_json import space_to_dict

CLIP_STEPS = 10


def recorded(rom: str, steps: int, horizon: int | None) -> tuple[list[Clip], list[tuple[np.ndarray, np.ndarray]]]:
    """Clips of random play as a run records them, and where games were over and episodes cut."""
    env = AtariGameVectorEnv(rom, 2, horizon=horizon)
    log = action_log_of(env, CLIP_STEPS)
    space = env.single_observation_space
    recorder = ClipRecorder(2, CLIP_STEPS, space, env.single_action_space, space.shape[-1], log)
    rng = np.random.default_rng(0)
    seen, stepped, ends = env.reset(seed=3)[0].copy(), np.ones(2, bool), []
    for _ in range(steps):
        actions = rng.integers(0, env.single_action_space.n, 2)
        following, rewards, terminated, truncated, infos = env.step(actions)
        ended = terminated | truncated
        recorder.record(seen, actions, rewards, stepped, ended, following)
        seen, stepped = following.copy(), ~ended
        ends.append((infos[GAME_OVER_KEY], ended))
    env.close()
    return recorder.drain(0), ends


@pytest.fixture(scope="module")
def renderer() -> ClipRenderer:
    return ClipRenderer()


@pytest.fixture(scope="module")
def pong() -> Clip:
    return recorded("pong", 30, None)[0][-1]


@pytest.mark.parametrize("horizon", [None, 64])
def test_every_clip_can_be_shown_whatever_ends_lie_about_it(renderer, horizon):
    """Rendering itself compares each with the clip's frames; with a horizon games end within clips."""
    clips, ends = recorded("breakout", 260, horizon)
    assert any(over.any() for over, _ in ends) and any(ended.any() for _, ended in ends)
    shown = [clip for clip in clips if len(clip.origin.stretches) > 1] + clips[-4:]
    assert (len(shown) > 4) == (horizon is not None)
    for clip in shown:
        assert renderer.frames(clip, every_raw_frame=False).shape == (CLIP_STEPS, 210, 160, 3)


def test_a_clip_keeps_its_origin_in_bytes(renderer, pong):
    back = Clip.from_bytes(pong.to_bytes())
    assert back.clip_id == pong.clip_id
    np.testing.assert_array_equal(
        renderer.frames(back, every_raw_frame=True), renderer.frames(pong, every_raw_frame=True)
    )


def test_a_clip_that_was_exported_and_imported_can_be_shown(renderer, pong, tmp_path):
    space = space_to_dict(AtariGameEnv("pong").observation_space)
    actions = {"type": "Discrete", "n": 6, "start": 0}
    subject = PreferenceSubject("ALE/Pong-v5", CLIP_STEPS, space, actions)
    with closing(PreferenceStore(tmp_path / "stored.sqlite", subject.to_metadata())) as store:
        store.record([], [pong])
    with DatabaseSource(tmp_path / "stored.sqlite") as source:
        write_export(source, tmp_path / "exported")
    import_preferences(tmp_path / "exported", tmp_path / "imported.sqlite")
    with DatabaseSource(tmp_path / "imported.sqlite") as source:
        ((_, back),) = source.clips()
    np.testing.assert_array_equal(
        renderer.frames(back, every_raw_frame=True), renderer.frames(pong, every_raw_frame=True)
    )


def test_videos_are_in_real_time_and_in_colour(renderer, pong):
    video = iio.imread(renderer.mp4(pong), extension=".mp4")
    assert video.shape == (4 * CLIP_STEPS, 210, 160, 3)
    assert iio.immeta(renderer.mp4(pong), extension=".mp4")["fps"] == 60
    truth = renderer.frames(pong, every_raw_frame=True)
    assert np.abs(video.astype(int) - truth).mean() < 5


def test_another_game_is_never_shown(renderer, pong):
    stretch = pong.origin.stretches[-1]
    other = GameStretch(stretch.earlier_games, stretch.reset_frames + 3, 0, stretch.actions)
    foreign = replace(pong, origin=replace(pong.origin, stretches=(other,)))
    with pytest.raises(RewardDataError, match="is another game; expected the very same frames"):
        renderer.frames(foreign, every_raw_frame=False)


def test_what_has_no_origin_says_so(renderer, pong):
    with pytest.raises(RewardDataError, match=r"tells no origin.*ALE/"):
        renderer.mp4(replace(pong, origin=None))


def test_other_environments_keep_no_log():
    assert action_log_of(MovingDotVectorEnv(2), CLIP_STEPS) is None
