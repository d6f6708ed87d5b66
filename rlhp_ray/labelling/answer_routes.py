"""What the page asks while people label: queries, their clips, answers, and how far things are."""

import time
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from rlhp_ray.labelling.audit_log import AuditLog
from rlhp_ray.labelling.clip_videos import ClipVideos
from rlhp_ray.labelling.request_bodies import AnswerBody, ClipId, LeaseBody, UndoBody
from rlhp_ray.labelling.shared_queue import SharedQueue
from rlhp_ray.preferences.preference import Answer
from rlhp_ray.preferences.query_queue import Query

PACE_ANSWERS = 20  # over which a person's pace is told
PACE_SECONDS = 600.0


def labeller(request: Request) -> str:
    """Under which name the answers of a request are filed."""
    name = request.state.visitor.labeller
    if name is None:
        raise HTTPException(403, "no session; load the page first")
    return name


Labeller = Annotated[str, Depends(labeller)]


class AnswerRoutes:
    """The calls that the page makes.

    Args:
        queue: of the run.
        videos: of its clips.
        audit: told of every answer.
    """

    def __init__(self, queue: SharedQueue, videos: ClipVideos, audit: AuditLog) -> None:
        self._queue, self._videos, self._audit = queue, videos, audit
        self.router = APIRouter(prefix="/api")
        self.router.add_api_route("/state", self.state, methods=["GET"])
        self.router.add_api_route("/lease", self.lease, methods=["POST"])
        self.router.add_api_route("/answers", self.answer, methods=["POST"])
        self.router.add_api_route("/undo", self.undo, methods=["POST"])
        self.router.add_api_route("/clips/{clip_id}.mp4", self.clip, methods=["GET"])

    def state(self, name: Labeller) -> dict:
        """How far the run, its answers and this person are."""
        with self._queue.lent() as queue:
            counts, facts, times = queue.counts(), queue.facts(), queue.answers_of(name)
        return {
            "waiting": counts.waiting,
            "answered": counts.answered,
            "own": len(times),
            "per_minute": _per_minute(times),
            "frames_per_second": self._videos.frames_per_second,
            **facts,
        }

    def lease(self, name: Labeller, body: LeaseBody) -> dict:
        """Pairs to look at, this person's alone for a while."""
        with self._queue.lent() as queue:
            queries = queue.lease(name, body.count)
        return {"queries": [_shown(query) for query in queries]}

    def answer(self, name: Labeller, body: AnswerBody) -> dict:
        """Store an answer; on disk before this returns."""
        with self._queue.lent() as queue:
            is_new = queue.answer(body.submission, body.query, name, Answer(body.answer), body.seconds)
        if is_new:
            self._audit.note("answered", labeller=name, query=body.query, answer=body.answer)
        return {"stored": True, "new": is_new}

    def undo(self, name: Labeller, body: UndoBody) -> dict:
        """Take this person's last answer back."""
        with self._queue.lent() as queue:
            query = queue.undo(body.submission, name)
        if query is not None:
            self._audit.note("undone", labeller=name, query=query.query_id)
        return {"query": None if query is None else _shown(query)}

    def clip(self, name: Labeller, clip_id: ClipId) -> Response:
        """A clip of a query as MP4."""
        del name  # whoever may label may see every clip that was offered
        with self._queue.lent() as queue:
            found = queue.clip(clip_id)
        kept = {"cache-control": "private, max-age=3600, immutable"}
        return Response(self._videos.mp4(found), media_type="video/mp4", headers=kept)


def _per_minute(times: list[float]) -> float | None:
    recent = [moment for moment in times[-PACE_ANSWERS:] if moment > time.time() - PACE_SECONDS]
    return 60 * (len(recent) - 1) / max(1.0, recent[-1] - recent[0]) if len(recent) > 1 else None


def _shown(query: Query) -> dict:
    return {"id": query.query_id, "left": query.left_id, "right": query.right_id}
