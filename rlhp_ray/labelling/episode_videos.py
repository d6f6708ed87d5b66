"""The newest whole episode as a video: made once, out of everybody's way, and kept on disk for a while."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.episode_rendering import episode_frames
from rlhp_ray.clips.video_encoding import mp4_bytes
from rlhp_ray.envs.atari_replay import RAW_FRAMES_PER_SECOND
from rlhp_ray.errors import EnvironmentNotSupportedError, LabellingError, RewardDataError
from rlhp_ray.labelling.clip_pictures import ClipPictures, enlarged

EPISODES_DIRECTORY = "episodes"  # in that of the server
MAX_KEPT = 2  # the newest, and one that is still on its way to somebody


@dataclass(frozen=True)
class EpisodeVideo:
    """An episode as MP4; `is_grey` where colour could not be had, and the agent's own frames are shown."""

    mp4: bytes
    is_grey: bool


class EpisodeVideos:
    """Videos of whole episodes of one environment, one made after the other.

    Atari games are played again in colour, at a screen each agent step. It takes seconds, so that neither pairs nor the
    server's event loop may wait for it, and the encoder leaves the processor to whatever else wants it.

    Args:
        env_id: of the episodes.
        frame_skip: raw steps of an agent step.
        directory: of the videos; what lies there from a server before is removed.

    Raises:
        EnvironmentNotSupportedError: the environment is not there.
    """

    def __init__(self, env_id: str, frame_skip: int | None, directory: Path) -> None:
        self._pictures = ClipPictures(env_id, frame_skip)
        self._directory = directory
        shutil.rmtree(directory, ignore_errors=True)
        self._maker = ThreadPoolExecutor(1, "episode-videos")
        self._is_closed = False

    def ask(self, episode_id: int, load: Callable[[], Clip]) -> Future[EpisodeVideo]:
        """The video of an episode, as soon as it is made.

        Args:
            episode_id: by which it is kept.
            load: gives what the episode showed; called where the video is not there.

        Raises:
            RuntimeError: this is closed.

        The future raises ArchiveError where the video cannot be written, LabellingError where the environment cannot be
        drawn or this was closed meanwhile, and whatever `load` raises.
        """
        return self._maker.submit(self._video, episode_id, load)

    def _video(self, episode_id: int, load: Callable[[], Clip]) -> EpisodeVideo:
        stem = f"{episode_id:019}"
        paths = {is_grey: self._directory / f"{stem}{'-grey' if is_grey else ''}.mp4" for is_grey in (False, True)}
        for is_grey, path in paths.items():
            with contextlib.suppress(OSError):
                return EpisodeVideo(path.read_bytes(), is_grey)
        video = self._made(load())
        self._keep(paths[video.is_grey], video.mp4)
        return video

    def _made(self, clip: Clip) -> EpisodeVideo:
        if clip.origin is not None:
            with contextlib.suppress(EnvironmentNotSupportedError, RewardDataError):  # another version of ale_py
                screens = (enlarged(frame[None])[0] for frame in episode_frames(clip))
                return EpisodeVideo(self._encoded(screens, RAW_FRAMES_PER_SECOND / clip.origin.frame_skip), False)
        video = self._encoded(self._pictures.observed(clip), self._pictures.observed_per_second)
        return EpisodeVideo(video, self._pictures.are_observations_grey)

    def _encoded(self, frames: Iterator[np.ndarray], frames_per_second: float) -> bytes:
        return mp4_bytes(self._while_open(frames), frames_per_second, in_background=True)

    def _while_open(self, frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for frame in frames:
            if self._is_closed:
                raise LabellingError(
                    "the server ends before the episode is drawn; expected it to run. Ask again later."
                )
            yield frame

    def _keep(self, path: Path, video: bytes) -> None:
        """A full disk costs only the next person's time."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            path.write_bytes(video)
            for old in sorted(self._directory.iterdir())[:-MAX_KEPT]:
                old.unlink()
        except OSError:
            with contextlib.suppress(OSError):
                path.unlink()  # what there is of it

    def close(self) -> None:
        """Give up what is being made, and close the environment that draws."""
        self._is_closed = True
        self._maker.shutdown(cancel_futures=True)
        self._pictures.close()
