"""Videos of whole episodes: in colour where that can be had, made once, and few of them kept."""

from contextlib import closing
from dataclasses import replace

import imageio.v3 as iio
import numpy as np
import psutil
import pytest
from fastapi.testclient import TestClient

from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.episode_rendering import episode_frames
from rlhp_ray.clips.video_encoding import BACKGROUND_NICENESS, mp4_bytes, start_background_mp4
from rlhp_ray.errors import LabellingError
from rlhp_ray.labelling.admission import AnybodyHere
from rlhp_ray.labelling.audit_log import AuditLog
from rlhp_ray.labelling.clip_videos import ClipVideos
from rlhp_ray.labelling.episode_videos import MAX_KEPT, EpisodeVideos
from rlhp_ray.labelling.server import create_app
from tests.clips.watched_games import pong_episode
from tests.labelling.conftest import dot_clip

STEPS = 30
PONG = "ALE/Pong-v5", 4


@pytest.fixture(scope="module")
def pong():
    return pong_episode(STEPS).episode


@pytest.fixture
def videos(tmp_path):
    with closing(EpisodeVideos(*PONG, tmp_path / "episodes")) as made:
        yield made


def shown(video: bytes) -> tuple[np.ndarray, float]:
    return iio.imread(video, extension=".mp4"), iio.immeta(video, extension=".mp4")["fps"]


def nothing() -> Clip:
    raise AssertionError("it was kept")


def test_a_game_is_shown_in_colour_and_in_real_time(videos, pong):
    video = videos.ask(1, lambda: pong.clip).result()
    frames, frames_per_second = shown(video.mp4)
    assert (video.is_grey, frames.shape, frames_per_second) == (False, (STEPS, 420, 320, 3), 15)
    played = np.stack(list(episode_frames(pong.clip))).repeat(2, axis=1).repeat(2, axis=2)
    assert np.abs(frames.astype(int) - played).mean() < 5
    assert np.ptp(frames.astype(int), axis=-1).max() > 50


@pytest.mark.parametrize("is_other_game", [False, True])
def test_without_a_log_that_fits_the_agents_own_frames_are_shown_and_it_is_told(videos, pong, is_other_game):
    (stretch,) = pong.clip.origin.stretches
    other = replace(stretch, actions=np.zeros_like(stretch.actions))
    origin = replace(pong.clip.origin, stretches=(other,)) if is_other_game else None
    video = videos.ask(1, lambda: replace(pong.clip, origin=origin)).result()
    frames, frames_per_second = shown(video.mp4)
    assert (video.is_grey, frames.shape, frames_per_second) == (True, (STEPS, 336, 336, 3), 15)
    assert np.ptp(frames.astype(int), axis=-1).max() < 10
    assert videos.ask(1, nothing).result() == video


def test_a_video_is_made_once_and_few_are_kept(videos, pong, tmp_path):
    for episode_id in range(1, 12):
        first = videos.ask(episode_id, lambda: pong.clip.part(0, 2)).result()
        assert videos.ask(episode_id, nothing).result() == first
        assert len(list((tmp_path / "episodes").iterdir())) <= MAX_KEPT
    with pytest.raises(AssertionError, match="it was kept"):
        videos.ask(1, nothing).result()
    with closing(EpisodeVideos(*PONG, tmp_path / "episodes")) as later, pytest.raises(AssertionError):
        later.ask(11, nothing).result()  # a queue may have begun anew


def test_a_disk_that_takes_nothing_costs_time_alone(tmp_path, pong):
    (tmp_path / "episodes").write_bytes(b"")
    with closing(EpisodeVideos(*PONG, tmp_path / "episodes")) as videos:
        asked = []
        for _ in range(2):
            video = videos.ask(1, lambda: asked.append(1) or pong.clip).result()
            assert video.mp4[4:8] == b"ftyp"
    assert len(asked) == 2


def test_what_is_under_way_is_given_up_when_the_server_ends(videos, pong):
    def load() -> Clip:
        videos._is_closed = True
        return pong.clip

    with pytest.raises(LabellingError, match="the server ends before the episode is drawn"):
        videos.ask(1, load).result()


def test_the_encoder_leaves_the_processor_to_others(tmp_path):
    before = set(psutil.Process().children())
    encoder = start_background_mp4(tmp_path / "video.mp4", (4, 4), 15)
    (started,) = set(psutil.Process().children()) - before
    assert started.nice() == max(BACKGROUND_NICENESS, psutil.Process().nice())
    encoder.send(np.zeros((4, 4, 3), np.uint8))
    encoder.close()
    assert (tmp_path / "video.mp4").stat().st_size > 0


def test_an_encoder_ends_with_the_frames_that_fail():
    def failing():
        yield np.zeros((4, 4, 3), np.uint8)
        raise ValueError("no more frames")

    before = set(psutil.Process().children())
    with pytest.raises(ValueError, match="no more frames"):
        mp4_bytes(failing(), 15)
    assert set(psutil.Process().children()) == before


@pytest.mark.parametrize("has_log", [True, False])
def test_the_page_is_told_whether_an_episode_is_in_colour(queue, videos, pong, tmp_path, has_log):
    clip = pong.clip if has_log else replace(pong.clip, origin=None)
    queue.show_episode(replace(pong, clip=clip), 900)
    app = create_app(queue, ClipVideos(*PONG), videos, AnybodyHere("person"), AuditLog(tmp_path))
    client = TestClient(app, base_url="http://127.0.0.1:8420")
    client.get("/")
    video = client.get("/api/episodes/1.mp4")
    assert (video.status_code, video.content[4:8]) == (200, b"ftyp")
    assert video.headers["x-rlhp-picture"] == ("colour" if has_log else "grey")
    assert client.get("/api/episodes/2.mp4").status_code == 409


def test_other_environments_draw_their_episodes(tmp_path):
    with closing(EpisodeVideos("rlhp/MovingDot-v0", None, tmp_path / "episodes")) as videos:
        assert not videos.ask(1, lambda: dot_clip(0.5, 0.5)).result().is_grey
