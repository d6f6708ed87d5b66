"""The newest whole episode, for people who want to see what the agent does by now."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from rlhp_ray.clips.episode_recorder import MAX_EPISODE_STEPS
from rlhp_ray.labelling.answer_routes import Labeller
from rlhp_ray.labelling.clip_videos import ClipVideos
from rlhp_ray.labelling.shared_queue import SharedQueue

MAX_EPISODES_KEPT = 2  # the newest, and the one that somebody still looks at

EpisodeId = Annotated[int, Path(ge=1, le=2**62)]


class EpisodeRoutes:
    """What the page asks for its panel. The true return is told to whoever asks for it, and not before.

    Args:
        queue: of the run.
        facts: of the queue: which environment is drawn.
    """

    def __init__(self, queue: SharedQueue, facts: Mapping[str, Any]) -> None:
        self._queue = queue
        # of its own: an episode takes seconds to draw, and pairs must not wait for it
        self._videos = ClipVideos(facts["env_id"], facts.get("frame_skip"), MAX_EPISODES_KEPT)
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

    def video(self, name: Labeller, episode_id: EpisodeId) -> Response:
        """The newest episode as MP4."""
        del name
        with self._queue.lent() as queue:
            clip = queue.episode_clip(episode_id)
        kept = {"cache-control": "private, max-age=3600, immutable"}
        return Response(self._videos.mp4(clip), media_type="video/mp4", headers=kept)

    def true_return(self, name: Labeller, episode_id: EpisodeId) -> dict:
        """What the environment itself pays for the newest episode; null where it is no longer the newest."""
        del name
        with self._queue.lent() as queue:
            found = queue.newest_episode()
        return {"true_return": None if found is None or found.episode_id != episode_id else found.true_return}
