"""What stands before the labelling server: who may ask, how much, and what a browser may do with the answer.

A page of another site that a labeller has open must not reach the server: foreign Host headers (DNS rebinding) and
Origins are refused, and whatever changes something needs a token that only our own page can read. Beyond loopback, a
request must also come with the session of somebody who was invited.
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rlhp_ray.labelling.admission import SESSION_BYTES, Admission
from rlhp_ray.labelling.audit_log import AuditLog
from rlhp_ray.labelling.public_address import PublicAddress, is_loopback, split_host

MAX_BODY_BYTES = 8192
BODY_SECONDS = 10.0  # within which a body must have come
TOKEN_HEADER = "x-rlhp-token"
BURST, PER_SECOND = 120, 20  # requests of one session
NEWCOMERS = 10  # times as many of all together who have none yet: a whole class may load the page at once
MAX_PACES = 1000  # that are remembered
JOIN_PATH = "/api/join"
OPEN_PATHS = ("/join", JOIN_PATH, "/assets/page.css", "/assets/join.js")  # what somebody sees who is about to join
HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
        b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


def csrf_token_of(session: str) -> str:
    """What a page of this session has to send with whatever changes something."""
    return hashlib.sha256(f"rlhp token {session}".encode()).hexdigest()


def session_in(cookies: str, name: str) -> str | None:
    """The session in a Cookie header; None where there is none that we could have made."""
    try:
        morsel = SimpleCookie(cookies).get(name)
    except CookieError:
        return None
    value = morsel.value if morsel else ""
    is_ours = len(value) == 2 * SESSION_BYTES and all(letter in "0123456789abcdef" for letter in value)
    return value if is_ours else None


@dataclass(frozen=True)
class Visitor:
    """Who sends a request: the session in their cookie, and the name of its labeller; None where there is none."""

    session: str | None
    labeller: str | None


class Guard:
    """ASGI middleware. Refuses with one line of JSON; adds security headers to every answer.

    Requests that pass carry their `Visitor` in `scope["state"]["visitor"]`.

    Args:
        app: what it guards.
        admission: who may label.
        address: where people reach it; None for loopback alone.
        audit: told of every refusal.
        clock: seconds.
    """

    def __init__(
        self,
        app: ASGIApp,
        admission: Admission,
        address: PublicAddress | None,
        audit: AuditLog,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._admission, self._address, self._audit = admission, address, audit
        self._clock = clock
        self._paces: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS]
            await send(message)

        headers = Headers(scope=scope)
        visitor = self._visitor(headers)
        body: bytes = b""
        refusal = self._refusal(scope, headers, visitor)
        if refusal is None:
            received = await _body_within(receive)
            if isinstance(received, bytes):
                body = received
            else:
                refusal = received
        if refusal is not None:
            self._audit.note_refusal(int(refusal[0]), refusal[1], scope["method"], _client(scope), visitor.labeller)
            await _refuse(guarded_send, *refusal)
            return
        scope.setdefault("state", {})["visitor"] = visitor

        async def replay() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, guarded_send)

    def _visitor(self, headers: Headers) -> Visitor:
        session = session_in(headers.get("cookie", ""), self._admission.cookie)
        labeller = None if session is None else self._admission.labeller_of(session)
        return Visitor(None if labeller is None else session, labeller)

    def _refusal(self, scope: Scope, headers: Headers, visitor: Visitor) -> tuple[HTTPStatus, str] | None:
        host = headers.get("host", "")
        if not self._is_ours(host):
            expected = "this machine's loopback address" if self._address is None else self._address.origin
            return HTTPStatus.MISDIRECTED_REQUEST, f"foreign Host; expected {expected}"
        origin = headers.get("origin")
        if origin is not None and origin != (f"http://{host}" if self._address is None else self._address.origin):
            return HTTPStatus.FORBIDDEN, "foreign Origin; expected this page's own"
        if not self._within_pace(scope, visitor):
            return HTTPStatus.TOO_MANY_REQUESTS, f"more than {PER_SECOND} requests a second; slow down"
        if self._admission.needs_invitation and visitor.labeller is None and scope["path"] not in OPEN_PATHS:
            return HTTPStatus.UNAUTHORIZED, "no invitation; open the link that you were given, or ask for one"
        if scope["method"] in ("GET", "HEAD"):
            return None
        if origin is None:
            return HTTPStatus.FORBIDDEN, "no Origin; expected this page's own"
        if scope["path"] == JOIN_PATH and self._admission.needs_invitation:
            return None  # the invitation that it brings is a secret that no other page knows
        if visitor.session is None or not _is_token(headers.get(TOKEN_HEADER, ""), visitor.session):
            return HTTPStatus.FORBIDDEN, "no or a wrong token; expected that of the page; load it again"
        return None

    def _is_ours(self, host: str) -> bool:
        if self._address is not None:
            return self._address.is_host(host)
        name, _ = split_host(host)
        return name is not None and is_loopback(name)

    def _within_pace(self, scope: Scope, visitor: Visitor) -> bool:
        """One pace for each person; for those who are none yet, one for each machine that they come from."""
        stranger = visitor.session is None
        who = f"stranger {_client(scope)}" if stranger else f"session {visitor.session}"
        now, people = self._clock(), NEWCOMERS if stranger else 1
        most = float(people * BURST)
        left, since = self._paces.pop(who, (most, now))
        left = min(most, left + people * PER_SECOND * (now - since))
        self._paces[who] = (max(0.0, left - 1), now)
        if len(self._paces) > MAX_PACES:
            self._paces.popitem(last=False)
        return left >= 1


def _client(scope: Scope) -> str:
    return str(scope["client"][0]) if scope.get("client") else "unknown"


def _is_token(sent: str, session: str) -> bool:
    return hmac.compare_digest(sent.encode(), csrf_token_of(session).encode())


async def _body_within(receive: Receive) -> bytes | tuple[HTTPStatus, str]:
    """The whole body, or why it is not taken."""
    body = b""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                body += message.get("body", b"")
                if len(body) > MAX_BODY_BYTES:
                    return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {MAX_BODY_BYTES} bytes"
                if not message.get("more_body", False):
                    return body
    except TimeoutError:
        return HTTPStatus.REQUEST_TIMEOUT, f"the body took longer than {BODY_SECONDS:g} seconds"


async def _refuse(send: Send, status: HTTPStatus, reason: str) -> None:
    body = json.dumps({"detail": reason}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})
