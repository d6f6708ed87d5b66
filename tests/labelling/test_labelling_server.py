"""What the server refuses, and what it gives."""

import re

import pytest
from fastapi.testclient import TestClient

from rlhp_ray.clips.episode_recorder import RecordedEpisode
from rlhp_ray.labelling.admission import AnybodyHere
from rlhp_ray.labelling.audit_log import AuditLog
from rlhp_ray.labelling.guard import BURST, MAX_BODY_BYTES, TOKEN_HEADER, Guard, csrf_token_of
from tests.labelling.conftest import dot_clip, open_app

ADDRESS = "http://127.0.0.1:8420"
COOKIE = AnybodyHere.cookie


@pytest.fixture
def app(queue):
    return open_app(queue.path)


@pytest.fixture
def open_client(app):
    def make() -> TestClient:
        client = TestClient(app, base_url=ADDRESS)
        token = re.search(r'name="rlhp-token" content="(\w+)"', client.get("/").text)
        client.headers.update({"origin": ADDRESS, TOKEN_HEADER: token[1]})
        return client

    return make


@pytest.fixture
def client(open_client) -> TestClient:
    return open_client()


def submission(number: int = 1) -> str:
    return f"{number:032x}"


def an_answer(client: TestClient, **changes) -> dict:
    query = client.post("/api/lease", json={"count": 1}).json()["queries"][0]
    return {"submission": submission(), "query": query["id"], "answer": "left", "seconds": 1.5, **changes}


def test_an_answer_is_stored_and_one_that_is_sent_twice_counts_once(client, queue):
    body = an_answer(client)
    assert client.post("/api/answers", json=body).json() == {"stored": True, "new": True}
    assert client.post("/api/answers", json=body).json() == {"stored": True, "new": False}
    assert queue.counts().answered == 1
    state = client.get("/api/state").json()
    assert (state["answered"], state["waiting"], state["own"], state["instruction"]) == (1, 5, 1, "Which is nearer?")


def test_people_are_told_apart_by_their_session(open_client, queue):
    first, second = open_client(), open_client()
    held = [client.post("/api/lease", json={"count": 3}).json()["queries"] for client in (first, second)]
    assert {query["id"] for query in held[0]}.isdisjoint(query["id"] for query in held[1])
    first.post("/api/answers", json=an_answer(first))
    second.post("/api/answers", json=an_answer(second, submission=submission(2)))
    labellers = {given.labeller for given in queue.take_settled(all_of_them=True)}
    assert len(labellers) == 2 and all(re.fullmatch(r"person-[0-9a-f]{6}", name) for name in labellers)


def test_an_answer_is_undone_by_its_person_alone_and_its_pair_comes_back(open_client, queue):
    first, second = open_client(), open_client()
    body = an_answer(first)
    first.post("/api/answers", json=body)
    assert second.post("/api/undo", json={"submission": submission(2)}).json() == {"query": None}
    assert first.post("/api/undo", json={"submission": submission(3)}).json()["query"]["id"] == body["query"]
    assert queue.counts().answered == 0


def test_clips_are_mp4s_that_may_be_kept(client):
    query = client.post("/api/lease", json={"count": 1}).json()["queries"][0]
    video = client.get(f"/api/clips/{query['left']}.mp4")
    assert video.content[4:8] == b"ftyp"
    assert (video.headers["content-type"], "immutable" in video.headers["cache-control"]) == ("video/mp4", True)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example:8420"}, 421),
        ({"host": ""}, 421),
        ({"host": "["}, 421),
        ({"host": "[::1"}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "null"}, 403),
        ({TOKEN_HEADER: "0" * 64}, 403),
        ({TOKEN_HEADER: csrf_token_of("0" * 32)}, 403),
        ({TOKEN_HEADER: ""}, 403),
        ({TOKEN_HEADER: b"\xe9" * 64}, 403),
        ({"cookie": f"{COOKIE}=../../etc"}, 403),
    ],
)
def test_what_is_not_from_our_page_is_refused(client, queue, headers, expected):
    body = an_answer(client)
    refused = client.post("/api/answers", json=body, headers=headers)
    assert refused.status_code == expected
    assert list(refused.json()) == ["detail"]
    assert queue.counts().answered == 0


def test_without_an_origin_nothing_is_changed(client):
    del client.headers["origin"]
    assert client.post("/api/lease", json={"count": 1}).status_code == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"answer": "best"},
        {"answer": None},
        {"query": 0},
        {"query": "1; DROP TABLE answers"},
        {"query": "1"},
        {"query": True},
        {"query": 2**63},
        {"seconds": -1},
        {"seconds": "NaN"},
        {"submission": "x"},
        {"submission": "a" * 65},
        {"labeller": "somebody else"},
    ],
)
def test_malformed_answers_are_refused(client, queue, changes):
    assert client.post("/api/answers", json=an_answer(client, **changes)).status_code == 422
    assert queue.counts().answered == 0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"\xff\xfe",
        b'"\xed\xa0\x80"',
        b'{"count": "\xff"}',
        b'{"count": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'{"count": NaN}',
        b'{"count": -Infinity}',
        b'{"count": 1e999}',
        b'{"count": ' + b"9" * 5000 + b"}",
        b'{"count": 1, "more": NaN}',
        b"[" * 4000,
    ],
)
@pytest.mark.parametrize("media_type", ["application/json", "text/plain"])
def test_bodies_that_no_page_sends_are_refused_with_one_line(client, content, media_type):
    refused = client.post("/api/lease", content=content, headers={"content-type": media_type})
    assert refused.status_code in (400, 422)
    assert isinstance(refused.json()["detail"], str) and "\n" not in refused.json()["detail"]


def test_the_wrong_field_is_named(client):
    refused = client.post("/api/answers", json=an_answer(client, seconds=-1))
    assert refused.json()["detail"] == "body.seconds: Input should be greater than or equal to 0"


def test_an_answer_that_the_disk_cannot_take_may_be_sent_again(client, queue, disk_refuses):
    body = an_answer(client)
    with disk_refuses():
        refused = client.post("/api/answers", json=body)
    assert (refused.status_code, "cannot be written" in refused.json()["detail"]) == (503, True)
    assert queue.counts().answered == 0
    assert client.post("/api/answers", json=body).json() == {"stored": True, "new": True}


def test_a_query_that_is_not_there_is_refused(client):
    refused = client.post("/api/answers", json=an_answer(client, query=999))
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "there is no query 999; expected one that was handed out",
    )


def test_bodies_are_bounded(client):
    assert client.post("/api/answers", content=b"x" * (MAX_BODY_BYTES + 1)).status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        "/assets/page.html",
        "/assets/..%2f..%2fsession.py",
        "/assets/../server.py",
        "/api/clips/..%2f..%2flabelling.sqlite.mp4",
        "/api/clips/%00.mp4",
        "/labelling.sqlite",
        "/docs",
        "/redoc",
        "/openapi.json",
    ],
)
def test_no_file_is_reached(client, path):
    assert client.get(path).status_code in (404, 422)


def test_a_clip_of_no_query_is_not_there(client):
    assert client.get(f"/api/clips/{'0' * 24}.mp4").status_code == 409


def test_every_answer_carries_the_security_headers(client):
    for path in ("/", "/assets/page.js", "/api/state", "/nothing"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert headers["x-content-type-options"] == "nosniff"
    assert "HttpOnly" in client.get("/").headers["set-cookie"]
    assert "SameSite=strict" in client.get("/").headers["set-cookie"]


def test_one_session_has_a_pace(tmp_path):
    now = [0.0]

    async def nothing(scope, receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    guard = Guard(nothing, AnybodyHere("person"), None, AuditLog(tmp_path), lambda: now[0])
    client = TestClient(guard, base_url=ADDRESS, cookies={COOKIE: "0" * 32})
    assert {client.get("/").status_code for _ in range(BURST)} == {204}
    assert client.get("/").status_code == 429
    newcomer = TestClient(client.app, base_url=ADDRESS)
    assert {newcomer.get("/").status_code for _ in range(BURST + 1)} == {204}
    now[0] += 1
    assert client.get("/").status_code == 204


def test_the_quality_page_has_a_row_for_each_person(open_client):
    client = open_client()
    assert "Nobody has answered yet" in client.get("/quality").text
    client.post("/api/answers", json=an_answer(client))
    page = client.get("/quality").text
    assert page.count('<th scope="row">person-') == 1 and "100 % of 1 (21 to 100)" in page
    assert "{{" not in page and "No pair was judged by more than one person" in page


def test_the_newest_episode_is_shown_and_its_true_return_told_to_who_asks(client, queue):
    assert client.get("/api/episode").json() == {"episode": None}
    queue.show_episode(RecordedEpisode(dot_clip(0.5, 0.5, steps=130), 130, -12.5), 900)
    episode = client.get("/api/episode").json()["episode"]
    assert episode == {"id": 1, "run_env_steps": 900, "env_steps": 130, "shown_env_steps": 130}
    video = client.get("/api/episodes/1.mp4")
    assert (video.content[4:8], video.headers["content-type"]) == (b"ftyp", "video/mp4")
    assert client.get("/api/episodes/1/true_return").json() == {"true_return": -12.5}
    assert client.get("/api/episodes/2/true_return").json() == {"true_return": None}
    assert client.get("/api/episodes/2.mp4").status_code == 409
