"""The pages, their scripts, and the way in for those who are invited."""

import html
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from rlhp_ray.labelling.admission import Admission, new_session
from rlhp_ray.labelling.audit_log import AuditLog
from rlhp_ray.labelling.guard import JOIN_PATH, csrf_token_of
from rlhp_ray.labelling.request_bodies import JoinBody

PAGES = Path(__file__).parent / "page"
ASSETS = {
    "page.js": "text/javascript",
    "page.css": "text/css",
    "episode.js": "text/javascript",
    "join.js": "text/javascript",
}
SESSION_SECONDS = 31_536_000


class PageRoutes:
    """Whatever a browser loads by itself.

    Args:
        admission: who may label.
        is_secure: whether browsers reach the server over TLS alone.
        audit: told of everybody who joins.
    """

    def __init__(self, admission: Admission, is_secure: bool, audit: AuditLog) -> None:
        self._admission, self._is_secure, self._audit = admission, is_secure, audit
        self.router = APIRouter()
        for path, page in (("/", self.label), ("/join", self.join_page)):
            self.router.add_api_route(path, page, methods=["GET"], response_class=HTMLResponse)
        self.router.add_api_route("/assets/{name}", self.asset, methods=["GET"])
        self.router.add_api_route(JOIN_PATH, self.join, methods=["POST"])

    def label(self, request: Request) -> HTMLResponse:
        """The page on which people compare clips."""
        session = request.state.visitor.session or new_session()  # the guard lets none pass who needs an invitation
        response = page_of("page.html", token=csrf_token_of(session))
        self._set_session(response, session)
        return response

    def join_page(self) -> HTMLResponse:
        """Where the link of an invitation leads. Its token stands behind #, which browsers send to nobody."""
        return page_of("join.html")

    def join(self, body: JoinBody, response: Response) -> dict:
        """Trade an invitation for a session."""
        joined = self._admission.join(body.token)
        if joined is None:
            self._audit.note("join refused")
            raise HTTPException(HTTPStatus.UNAUTHORIZED, "nobody was invited to this run with that link; ask for one")
        session, labeller = joined
        self._audit.note("joined", labeller=labeller)
        self._set_session(response, session)
        return {"labeller": labeller}

    def asset(self, name: str) -> Response:
        """A script or a style sheet of the pages."""
        if name not in ASSETS:
            raise HTTPException(HTTPStatus.NOT_FOUND, "no such file")
        content = (PAGES / name).read_bytes()
        return Response(content, media_type=ASSETS[name], headers={"cache-control": "no-cache"})

    def _set_session(self, response: Response, session: str) -> None:
        response.set_cookie(
            self._admission.cookie,
            session,
            httponly=True,
            samesite="strict",
            secure=self._is_secure,
            max_age=SESSION_SECONDS,
        )


def page_of(name: str, markup: Mapping[str, str] = MappingProxyType({}), **values: str) -> HTMLResponse:
    """A page whose `{{key}}` are replaced: by HTML, or by values as text."""
    text = (PAGES / name).read_text(encoding="utf-8")
    for key, value in {**markup, **{key: html.escape(value) for key, value in values.items()}}.items():
        text = text.replace("{{" + key + "}}", value)
    return HTMLResponse(text, headers={"cache-control": "no-store"})
