"""The labelling server: one page, and the few calls that it makes."""

import html
import threading
import time
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Literal

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from rlhp_ray.errors import LabellingStorageError, RlhpError
from rlhp_ray.labelling.clip_videos import ClipVideos
from rlhp_ray.labelling.guard import COOKIE, Guard, new_session, session_in, token_of
from rlhp_ray.preferences.preference import Answer
from rlhp_ray.preferences.query_queue import Query, QueryQueue

PAGE = Path(__file__).parent / "page"
ASSETS = {"page.js": "text/javascript", "page.css": "text/css"}
MAX_LEASED = 4  # the pair that is looked at, and three ahead
PACE_ANSWERS = 20  # over which a person's pace is told
MAX_SECONDS = 86_400.0

Submission = Annotated[str, Field(pattern=r"^[0-9a-f-]{16,64}$")]
ClipId = Annotated[str, InPath(pattern=r"^[0-9a-f]{24}$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LeaseBody(_Body):
    """How many queries the page would like to hold."""

    count: int = Field(ge=1, le=MAX_LEASED)


class AnswerBody(_Body):
    """One answer; `submission` names it, so that sending it twice counts once."""

    submission: Submission
    query: int = Field(ge=1, le=2**62)
    answer: Literal["left", "right", "equal", "skip"]
    seconds: float = Field(ge=0, le=MAX_SECONDS, allow_inf_nan=False)


class UndoBody(_Body):
    """The undoing of this person's last answer."""

    submission: Submission


def create_app(queue: QueryQueue, videos: ClipVideos, labeller: str) -> FastAPI:
    """The server of one queue.

    Args:
        queue: of the run; used by this server's threads in turn.
        videos: of its clips.
        labeller: what answers are filed under, followed by a digest of the browser's session.
    """
    app = FastAPI(title="rlhp label", docs_url=None, redoc_url=None)
    app.add_middleware(Guard)
    lock = threading.Lock()

    def person(request: Request) -> str:
        session = session_in(request.headers.get("cookie", ""))
        if session is None:
            raise HTTPException(403, "no session; load the page first")
        return f"{labeller}-{sha256(session.encode()).hexdigest()[:6]}"

    @app.exception_handler(RlhpError)
    def told(request: Request, error: RlhpError) -> Response:
        del request
        return JSONResponse({"detail": str(error)}, status_code=HTTPStatus.CONFLICT)

    @app.exception_handler(LabellingStorageError)
    def not_stored(request: Request, error: LabellingStorageError) -> Response:
        del request  # what 4xx refuses, the page gives up; this answer it keeps and sends again
        return JSONResponse({"detail": str(error)}, status_code=HTTPStatus.SERVICE_UNAVAILABLE)

    @app.exception_handler(RequestValidationError)
    def malformed(request: Request, error: RequestValidationError) -> Response:
        del request
        return JSONResponse({"detail": _wrong_fields(error)}, status_code=HTTPStatus.UNPROCESSABLE_ENTITY)

    @app.get("/", response_class=HTMLResponse)
    def page(request: Request) -> HTMLResponse:
        session = session_in(request.headers.get("cookie", "")) or new_session()
        text = (PAGE / "page.html").read_text(encoding="utf-8")
        response = HTMLResponse(text.replace("{{token}}", html.escape(token_of(session))))
        response.set_cookie(COOKIE, session, httponly=True, samesite="strict", max_age=31_536_000)
        response.headers["cache-control"] = "no-store"
        return response

    @app.get("/assets/{name}")
    def asset(name: str) -> Response:
        if name not in ASSETS:
            raise HTTPException(404, "no such file")
        content = (PAGE / name).read_bytes()
        return Response(content, media_type=ASSETS[name], headers={"cache-control": "no-cache"})

    @app.get("/api/state")
    def state(request: Request) -> dict:
        name = person(request)
        with lock:
            counts, facts, times = queue.counts(), queue.facts(), queue.answers_of(name)
        recent = [moment for moment in times[-PACE_ANSWERS:] if moment > time.time() - 600]
        pace = 60 * (len(recent) - 1) / max(1.0, recent[-1] - recent[0]) if len(recent) > 1 else None
        return {
            "waiting": counts.waiting,
            "answered": counts.answered,
            "own": len(times),
            "per_minute": pace,
            "frames_per_second": videos.frames_per_second,
            **facts,
        }

    @app.post("/api/lease")
    def lease(request: Request, body: LeaseBody) -> dict:
        with lock:
            queries = queue.lease(person(request), body.count)
        return {"queries": [_shown(query) for query in queries]}

    @app.post("/api/answers")
    def answer(request: Request, body: AnswerBody) -> dict:
        with lock:
            is_new = queue.answer(body.submission, body.query, person(request), Answer(body.answer), body.seconds)
        return {"stored": True, "new": is_new}

    @app.post("/api/undo")
    def undo(request: Request, body: UndoBody) -> dict:
        with lock:
            query = queue.undo(body.submission, person(request))
        return {"query": None if query is None else _shown(query)}

    @app.get("/api/clips/{clip_id}.mp4")
    def clip(request: Request, clip_id: ClipId) -> Response:
        person(request)
        with lock:
            found = queue.clip(clip_id)
        kept = {"cache-control": "private, max-age=3600, immutable"}
        return Response(videos.mp4(found), media_type="video/mp4", headers=kept)

    return app


def _wrong_fields(error: RequestValidationError) -> str:
    """What is wrong where, without what came: JSON cannot send NaN or half a surrogate pair back."""
    told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
    return told.encode("ascii", "backslashreplace").decode()


def _shown(query: Query) -> dict:
    return {"id": query.query_id, "left": query.left_id, "right": query.right_id}
