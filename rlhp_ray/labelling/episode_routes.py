"""The newest whole episode, for people who want to see what the agent does by now."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Response

from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.episode_recorder import MAX_EPISODE_STEPS
from rlhp_ray.labelling.answer_routes import Labeller
from rlhp_ray.labelling.episode_videos import EpisodeVideos
from rlhp_ray.labelling.shared_queue import SharedQueue

PICTURE_HEADER = "x-rlhp-picture"  # of a video: colour, or grey

EpisodeId = Annotated[int, Path(ge=1, le=2**62)]


class EpisodeRoutes:
    """What the page asks for its panel. The true return is told to whoever asks for it, and not before.

    Args:
        queue: of the run.
        videos: of its episodes.
    """

    def __init__(self, queue: SharedQueue, videos: EpisodeVideos) -> None:
        self._queue, self._videos = queue, videos
        self.router = APIRouter(prefix="/api")
        self.router.add_api_route("/episode", self.newest, methods=["GET"])
        self.router.add_api_route("/episodes/{episode_id}.mp4", self.video, methods=["GET"])
        self.router.add_api_route("/episodes/{episode_id}/true_return", self.true_return, methods=["GET"])

    def newest(self, name: Labeller) -> dict:
        """Which one it is; null where none has ended yet."""
        del name
        with self._queue.lent() as queue:
            found = queue.newest_episode()
        if found is None:
            return {"episode": None}
        shown = min(found.env_steps, MAX_EPISODE_STEPS)
        told = {"id": found.episode_id, "run_env_steps": found.run_env_steps, "env_steps": found.env_steps}
        return {"episode": {**told, "shown_env_steps": shown}}

    async def video(self, name: Labeller, episode_id: EpisodeId) -> Response:
        """The newest episode as MP4. People who wait for it hold no thread: those who compare clips need them."""
        del name
        video = await asyncio.wrap_future(self._videos.ask(episode_id, lambda: self._clip(episode_id)))
        headers = {
            "cache-control": "private, max-age=3600, immutable",
            PICTURE_HEADER: "grey" if video.is_grey else "colour",
        }
        return Response(video.mp4, media_type="video/mp4", headers=headers)

    def _clip(self, episode_id: int) -> Clip:
        with self._queue.lent() as queue:
            return queue.episode_clip(episode_id)

    def true_return(self, name: Labeller, episode_id: EpisodeId) -> dict:
        """What the environment itself pays for the newest episode; null where it is no longer the newest."""
        del name
        with self._queue.lent() as queue:
            found = queue.newest_episode()
        return {"true_return": None if found is None or found.episode_id != episode_id else found.true_return}
