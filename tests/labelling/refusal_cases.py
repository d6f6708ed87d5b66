"""Requests that must be refused, counted by kind. `python -m tests.labelling.refusal_cases` writes the docs' table.

Each is sent to a server of its own run, in which one person was invited and one pair waits, beyond loopback and on it.
"""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fastapi.testclient import TestClient

from rlhp_ray.labelling.admission import Admission, AnybodyHere, Invited
from rlhp_ray.labelling.audit_log import AuditLog
from rlhp_ray.labelling.clip_videos import ClipVideos
from rlhp_ray.labelling.episode_videos import EpisodeVideos
from rlhp_ray.labelling.guard import MAX_BODY_BYTES, TOKEN_HEADER, csrf_token_of
from rlhp_ray.labelling.public_address import parse_address
from rlhp_ray.labelling.server import create_app
from rlhp_ray.preferences.query_queue import QueryQueue

PAGE = Path(__file__).resolve().parents[2] / "docs" / "results" / "labelling_refusals.md"
BEYOND, LOOPBACK = "https://label.example.org", "http://127.0.0.1:8420"
PATHS = (("GET", "/"), ("GET", "/api/state"), ("GET", f"/api/clips/{'0' * 24}.mp4"), ("GET", "/assets/page.js"))
CHANGES = (("POST", "/api/lease"), ("POST", "/api/answers"), ("POST", "/api/undo"))
TRAVERSALS = (
    "/assets/../server.py", "/assets/..%2fserver.py", "/assets/..%2f..%2fsession.py", "/assets/%2e%2e/guard.py",
    "/assets/....//guard.py", "/assets/..%5cguard.py", "/assets//etc/passwd", "/assets/%2fetc%2fpasswd",
    "/assets/page.html", "/assets/page.js%00.html", "/api/clips/..%2f..%2flabelling.sqlite.mp4",
    "/api/clips/../../labelling.sqlite", "/api/clips/%00.mp4", f"/api/clips/{'0' * 23}g.mp4",
    f"/api/clips/{'0' * 24}.mp4%00", f"/api/clips/{'f' * 24}.mp4", "/labelling.sqlite",
    "/.labelling/invitations.sqlite", "/.labelling/audit.jsonl", "/%2e%2e/%2e%2e/etc/passwd", "/openapi.json",
    "/docs", "/redoc",
)  # fmt: skip
MALFORMED = (
    b"", b"{", b"null", b"[]", b"0", b'"x"', b"\xff\xfe", b'"\xed\xa0\x80"', b'{"count": NaN}', b'{"count": 1e999}',
    b'{"count": -1}', b'{"count": 5}', b'{"count": "1; DROP TABLE answers"}', b'{"count": "\\ud800"}',
    b'{"count": ' + b"9" * 5000 + b"}", b'{"count": 1, "labeller": "eve"}', b"[" * 4000, b'{"\\ud800": 1}',
)  # fmt: skip
FOREIGN_HOSTS = (
    "evil.example", "label.example.org.evil.example", "127.0.0.1.evil.example:8420", "label.example.org:8420",
    "label.example.org@evil.example", "evil.example#label.example.org", "0.0.0.0", "10.0.0.1", "", "[", "[::1",
)  # fmt: skip
FOREIGN_ORIGINS = (
    "https://evil.example", "http://label.example.org", "https://label.example.org:8420", "http://127.0.0.1:9999",
    "https://label.example.org.evil.example", "null", "", "file://", "chrome-extension://abc",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One request: what is changed about one that would be answered, and what it must be answered with."""

    kind: str
    method: str
    path: str
    expected: tuple[int, ...]
    headers: tuple[tuple[str, str | None], ...] = ()
    content: bytes = b'{"count": 1}'
    session: str = "own"


def cases(*, beyond: bool) -> Iterator[Case]:
    """All of them for a server beyond loopback, or on it."""
    if beyond:
        for kind, session in (
            ("without a token", "none"),
            ("with a wrong token", "wrong"),
            ("with the token of another run", "other"),
            ("with a token that was replaced", "replaced"),
        ):
            for method, path in (*PATHS, *CHANGES, ("GET", "/nothing"), ("POST", "/api/join")):
                yield Case(f"{kind}", method, path, (401,), content=b"", session=session)
    for host in FOREIGN_HOSTS:
        for method, path in (PATHS[0], PATHS[1], CHANGES[0]):
            yield Case("foreign Host", method, path, (421,), (("host", host),))
    for origin in FOREIGN_ORIGINS:
        for method, path in (PATHS[1], *CHANGES):
            yield Case("foreign Origin", method, path, (403,), (("origin", origin),))
    for forged in (None, "", "0" * 64, csrf_token_of("0" * 32), "é" * 64, "x" * 4000):
        for method, path in CHANGES:
            yield Case("forged or missing CSRF token", method, path, (403,), ((TOKEN_HEADER, forged),))
    for method, path in CHANGES:
        yield Case("no Origin at all", method, path, (403,), (("origin", None),))
    for path in TRAVERSALS:
        yield Case("path or clip outside the run", "GET", path, (404, 409, 422))
    for size in (MAX_BODY_BYTES + 1, 1_000_000):
        for method, path in CHANGES:
            yield Case("oversized body", method, path, (413,), content=b"x" * size)
    for content in MALFORMED:
        for method, path in CHANGES:
            yield Case("malformed body", method, path, (400, 422), content=content)
    for method in ("PUT", "DELETE", "PATCH"):
        yield Case("a method that is not offered", method, "/api/answers", (405,))


class RefusingServers:
    """A server beyond loopback, one on it, and one of another run, in a directory.

    Args:
        directory: an empty one.
        queue: of the first two.
    """

    def __init__(self, directory: Path, queue: QueryQueue) -> None:
        own, other = directory / "own", directory / "other"
        for each in (own, other):
            each.mkdir()
        self.invited, self._other = Invited(own), Invited(other)
        replaced = self.invited.invite("ada")
        self._sessions = {"none": None, "wrong": "0" * 32, "replaced": self._joined(self.invited, replaced)}
        self._tokens = {"none": "", "wrong": "x" * 43, "replaced": replaced, "other": self._other.invite("ada")}
        self._sessions["own"] = self._joined(self.invited, self.invited.invite("ada"))
        self._sessions["other"] = self._joined(self._other, self._tokens["other"])
        self._queue, self._audit = queue, AuditLog(own)

    @staticmethod
    def _joined(invited: Invited, token: str) -> str:
        joined = invited.join(token)
        assert joined is not None
        return joined[0]

    def client(self, *, beyond: bool) -> TestClient:
        """Of one of the two servers."""
        admission: Admission = self.invited if beyond else AnybodyHere("person")
        videos = ClipVideos("rlhp/MovingDot-v0", None)
        address = parse_address(BEYOND) if beyond else None
        episodes = EpisodeVideos("rlhp/MovingDot-v0", None, self._audit.path.parent / "episodes")
        app = create_app(self._queue, videos, episodes, admission, self._audit, address)
        return TestClient(app, base_url=BEYOND if beyond else LOOPBACK)

    def session(self, whose: str) -> str | None:
        """Of somebody: own, other, replaced, wrong or none."""
        return self._sessions[whose]

    def send(self, client: TestClient, case: Case, *, beyond: bool) -> int:
        """The status of the answer."""
        session = self._sessions[case.session]
        cookie = self.invited.cookie if beyond else AnybodyHere.cookie
        headers = {"origin": BEYOND if beyond else LOOPBACK, "content-type": "application/json"}
        if session is not None:
            headers |= {"cookie": f"{cookie}={session}", TOKEN_HEADER: csrf_token_of(session)}
        for name, value in case.headers:
            headers.pop(name, None)
            if value is not None:
                headers[name] = value
        content = case.content
        if case.path == "/api/join":
            content = f'{{"token": "{self._tokens[case.session] or "none"}"}}'.encode()
            if case.session == "other":
                assert self._other.join(self._tokens["other"]) is not None
        sent = {name: value.encode() for name, value in headers.items()}
        return client.request(case.method, case.path, headers=sent, content=content).status_code


@dataclass(frozen=True)
class Sent:
    """A case, and the status that it was answered with."""

    case: Case
    status: int

    @property
    def is_refused(self) -> bool:
        """As it must be."""
        return self.status in self.case.expected


def send_all(servers: RefusingServers, *, beyond: bool) -> dict[str, list[Sent]]:
    """Every case by its kind; each kind meets a server that has met none, and so is not refused for its pace."""
    kinds: dict[str, list[Case]] = {}
    for case in cases(beyond=beyond):
        kinds.setdefault(case.kind, []).append(case)
    found = {}
    for kind, same in kinds.items():
        client = servers.client(beyond=beyond)
        found[kind] = [Sent(case, servers.send(client, case, beyond=beyond)) for case in same]
    return found


def refusals_page(beyond: dict[str, list[Sent]], loopback: dict[str, list[Sent]]) -> str:
    """The page of the docs."""
    rows = [f"| {kind} | {_cell(beyond[kind])} | {_cell(loopback.get(kind, []))} |" for kind in beyond]
    sums = [sum(map(len, sent.values())) for sent in (beyond, loopback)]
    refused = [sum(each.is_refused for sent in found.values() for each in sent) for found in (beyond, loopback)]
    total = f"| **all** | **{refused[0]} of {sums[0]}** | **{refused[1]} of {sums[1]}** |"
    return "\n".join([_HEAD, *rows, total, ""])


_HEAD = """\
# Requests that the labelling server refuses

Written by `python -m tests.labelling.refusal_cases`; `tests/labelling/test_refusals.py` sends the same requests, holds
this page against them, and sees that none of them left a trace in the queue. Each cell says how many of the requests
sent were refused, and with which status.

| request | beyond loopback, invited people | on loopback |
| --- | --- | --- |"""


def _cell(sent: list[Sent]) -> str:
    if not sent:
        return "needs none"
    statuses = ", ".join(str(status) for status in sorted({each.status for each in sent}))
    return f"{sum(each.is_refused for each in sent)} of {len(sent)} ({statuses})"


def _write_page() -> None:
    from tests.labelling.conftest import offered_queue

    with tempfile.TemporaryDirectory() as folder, closing(offered_queue(Path(folder) / "queue.sqlite")) as queue:
        servers = RefusingServers(Path(folder), queue)
        PAGE.write_text(refusals_page(send_all(servers, beyond=True), send_all(servers, beyond=False)))


if __name__ == "__main__":
    _write_page()
