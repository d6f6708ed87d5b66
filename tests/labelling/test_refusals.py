"""What must be refused is, and leaves no trace; nor does what schemathesis thinks of make the server fail."""

import contextlib
import sqlite3
from collections import Counter

import pytest
import schemathesis
import torch
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from rlhp_ray.labelling.admission import AnybodyHere
from rlhp_ray.labelling.guard import TOKEN_HEADER, Guard, csrf_token_of
from tests.labelling.conftest import offered_queue, open_app
from tests.labelling.refusal_cases import BEYOND, LOOPBACK, PAGE, RefusingServers, refusals_page, send_all


@pytest.fixture(autouse=True)
def subnormal_numbers() -> None:
    """Hypothesis refuses to work without them, and a reward fitted in this process before has left them flushed."""
    torch.set_flush_denormal(False)


def trace(queue) -> tuple:
    """Whatever a request could have changed."""
    with contextlib.closing(sqlite3.connect(queue.path)) as connection:
        leased = connection.execute("SELECT count(*) FROM queries WHERE leased_to IS NOT NULL").fetchone()
        return (*leased, *connection.execute("SELECT count(*) FROM undos").fetchone(), queue.counts())


def test_whatever_is_not_from_our_page_and_people_is_refused(queue, tmp_path):
    servers, before = RefusingServers(tmp_path, queue), trace(queue)
    beyond, loopback = send_all(servers, beyond=True), send_all(servers, beyond=False)
    answered = [sent for found in (beyond, loopback) for each in found.values() for sent in each if not sent.is_refused]
    assert answered == []
    assert trace(queue) == before
    assert PAGE.read_text() == refusals_page(beyond, loopback), "run `python -m tests.labelling.refusal_cases`"


@pytest.mark.parametrize("beyond", [True, False])
def test_the_same_request_from_our_page_is_answered(queue, tmp_path, beyond):
    """Else the test above could not fail."""
    servers = RefusingServers(tmp_path, queue)
    client, session = servers.client(beyond=beyond), servers.session("own")
    cookie = servers.invited.cookie if beyond else AnybodyHere.cookie
    headers = {"origin": BEYOND if beyond else LOOPBACK, "cookie": f"{cookie}={session}"}
    leased = client.post("/api/lease", json={"count": 1}, headers={**headers, TOKEN_HEADER: csrf_token_of(session)})
    assert (leased.status_code, len(leased.json()["queries"])) == (200, 1)


def test_people_who_are_invited_do_not_read_how_they_are_judged(queue, tmp_path):
    servers = RefusingServers(tmp_path, queue)
    cookie = f"{servers.invited.cookie}={servers.session('own')}"
    refused = servers.client(beyond=True).get("/quality", headers={"cookie": cookie})
    assert (refused.status_code, "`rlhp report RUN` shows it" in refused.json()["detail"]) == (403, True)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_that_fits_or_misses_the_api_document_makes_it_fail(tmp_path, monkeypatch, mode):
    """Schemathesis reads the OpenAPI document and thinks of requests, by its own strategies alone."""
    monkeypatch.setattr(Guard, "_within_pace", lambda *_: True)  # what is thought of comes faster than people
    offered_queue(tmp_path / "labelling.sqlite").close()
    app = open_app(tmp_path / "labelling.sqlite")
    schema = schemathesis.openapi.from_dict(app.openapi())
    schema.app = app
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= 9
    session = "5" * 32
    headers = {"origin": LOOPBACK, "cookie": f"{AnybodyHere.cookie}={session}", TOKEN_HEADER: csrf_token_of(session)}
    statuses: Counter[tuple[str, int]] = Counter()
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and not (operation.body or "clip_id" in operation.path):
            continue  # nothing that could be wrong

        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
        @given(operation.as_strategy(generation_mode=mode))
        def send(case):
            response = case.call(base_url=LOOPBACK, headers=headers)
            statuses[case.operation.label, response.status_code] += 1
            assert response.status_code < 500, response.text
            assert "default-src 'none'" in str(response.headers["content-security-policy"])

        send()
    accepted = {label for label, status in statuses if status == 200}
    if mode is GenerationMode.POSITIVE:
        assert {"GET /api/state", "POST /api/lease", "POST /api/undo"} <= accepted
    else:
        assert not accepted & {"POST /api/lease", "POST /api/undo", "POST /api/answers"}
