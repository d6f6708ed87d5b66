"""What stands before the labelling server: who may ask, how much, and what a browser may do with the answer.

The server listens on loopback. A page of another site that a labeller has open must not reach it: foreign Host headers
(DNS rebinding) and Origins are refused, and whatever changes something needs a token that only our own page can read.
"""

import hashlib
import hmac
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
MAX_BODY_BYTES = 8192
COOKIE = "rlhp_session"
TOKEN_HEADER = "x-rlhp-token"
SESSION_BYTES = 16
BURST, PER_SECOND = 120, 20  # requests of one session
NEWCOMERS = 10  # times as many of all together who have none yet: a whole class may load the page at once
MAX_SESSIONS = 1000  # whose pace is remembered
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


def new_session() -> str:
    """A session that nobody can guess."""
    return secrets.token_hex(SESSION_BYTES)


def token_of(session: str) -> str:
    """What a page of this session has to send with whatever changes something."""
    return hashlib.sha256(f"rlhp token {session}".encode()).hexdigest()


def session_in(cookies: str) -> str | None:
    """The session in a Cookie header; None where there is none that we could have made."""
    try:
        morsel = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return None
    value = morsel.value if morsel else ""
    is_ours = len(value) == 2 * SESSION_BYTES and all(letter in "0123456789abcdef" for letter in value)
    return value if is_ours else None


class Guard:
    """ASGI middleware. Refuses with one line of JSON; adds security headers to every answer.

    Args:
        app: what it guards.
        clock: seconds.
    """

    def __init__(self, app: ASGIApp, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._clock = clock
        self._budgets: OrderedDict[str | None, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS]
            await send(message)

        headers = Headers(scope=scope)
        refusal = self._refusal(scope["method"], headers)
        if refusal is None:
            body = await _body_within(receive)
            if body is None:
                refusal = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {MAX_BODY_BYTES} bytes"
        if refusal is not None:
            await _refuse(guarded_send, *refusal)
            return

        async def replay() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, guarded_send)

    def _refusal(self, method: str, headers: Headers) -> tuple[HTTPStatus, str] | None:
        host = headers.get("host", "")
        if not _is_loopback(host):
            return HTTPStatus.MISDIRECTED_REQUEST, "foreign Host; expected this machine's loopback address"
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            return HTTPStatus.FORBIDDEN, "foreign Origin; expected this page's own"
        session = session_in(headers.get("cookie", ""))
        if not self._within_pace(session):
            return HTTPStatus.TOO_MANY_REQUESTS, f"more than {PER_SECOND} requests a second; slow down"
        if method in ("GET", "HEAD"):
            return None
        if origin is None:
            return HTTPStatus.FORBIDDEN, "no Origin; expected this page's own"
        if session is None or not _is_token(headers.get(TOKEN_HEADER, ""), session):
            return HTTPStatus.FORBIDDEN, "no or a wrong token; expected that of the page; load it again"
        return None

    def _within_pace(self, session: str | None) -> bool:
        now, people = self._clock(), NEWCOMERS if session is None else 1
        most = float(people * BURST)
        left, since = self._budgets.pop(session, (most, now))
        left = min(most, left + people * PER_SECOND * (now - since))
        self._budgets[session] = (max(0.0, left - 1), now)
        if len(self._budgets) > MAX_SESSIONS:
            self._budgets.popitem(last=False)
        return left >= 1


def _is_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:  # half an IPv6 address
        return False
    return name in [known.strip("[]") for known in LOOPBACK_NAMES]


def _is_token(sent: str, session: str) -> bool:
    return hmac.compare_digest(sent.encode(), token_of(session).encode())


async def _body_within(receive: Receive) -> bytes | None:
    """The whole body, or None where it is too large."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return body


async def _refuse(send: Send, status: HTTPStatus, reason: str) -> None:
    body = json.dumps({"detail": reason}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})
