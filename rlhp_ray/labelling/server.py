"""The labelling server: its pages, and the few calls that they make."""

from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from rlhp_ray.errors import LabellingStorageError, RlhpError
from rlhp_ray.labelling.admission import Admission
from rlhp_ray.labelling.answer_routes import AnswerRoutes
from rlhp_ray.labelling.audit_log import AuditLog
from rlhp_ray.labelling.clip_videos import ClipVideos
from rlhp_ray.labelling.episode_routes import EpisodeRoutes
from rlhp_ray.labelling.episode_videos import EpisodeVideos
from rlhp_ray.labelling.guard import Guard
from rlhp_ray.labelling.page_routes import PageRoutes
from rlhp_ray.labelling.public_address import PublicAddress
from rlhp_ray.labelling.quality_routes import QualityRoutes
from rlhp_ray.labelling.shared_queue import SharedQueue
from rlhp_ray.preferences.query_queue import QueryQueue


def create_app(
    queue: QueryQueue,
    videos: ClipVideos,
    episodes: EpisodeVideos,
    admission: Admission,
    audit: AuditLog,
    address: PublicAddress | None = None,
) -> FastAPI:
    """The server of one queue. Its OpenAPI document is not served: `app.openapi()` gives it.

    Args:
        queue: of the run; used by this server's threads in turn.
        videos: of its clips.
        episodes: videos of its whole episodes.
        admission: who may label.
        audit: where it is written who answered what, and who was refused.
        address: where people reach it; None for loopback alone.
    """
    app = FastAPI(title="rlhp label", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Guard, admission=admission, address=address, audit=audit)
    app.add_exception_handler(RlhpError, _told)
    app.add_exception_handler(LabellingStorageError, _not_stored)
    app.add_exception_handler(RequestValidationError, _malformed)
    shared = SharedQueue(queue)
    app.include_router(PageRoutes(admission, address is not None and address.scheme == "https", audit).router)
    app.include_router(AnswerRoutes(shared, videos, audit).router)
    app.include_router(EpisodeRoutes(shared, episodes).router)
    app.include_router(QualityRoutes(queue.path, admission).router)
    return app


def _told(request: Request, error: Exception) -> Response:
    del request
    return JSONResponse({"detail": str(error)}, status_code=HTTPStatus.CONFLICT)


def _not_stored(request: Request, error: Exception) -> Response:
    del request  # what 4xx refuses, the page gives up; this answer it keeps and sends again
    return JSONResponse({"detail": str(error)}, status_code=HTTPStatus.SERVICE_UNAVAILABLE)


def _malformed(request: Request, error: Exception) -> Response:
    """What is wrong where, without what came: JSON cannot send NaN or half a surrogate pair back."""
    del request
    assert isinstance(error, RequestValidationError)
    told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
    one_line = told.encode("ascii", "backslashreplace").decode()
    return JSONResponse({"detail": one_line}, status_code=HTTPStatus.UNPROCESSABLE_ENTITY)
