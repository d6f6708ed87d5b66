"""Connections on which headers come slowly, from a raw socket."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPResponse

import pytest
import uvicorn
from fastapi import FastAPI

from rlhp_ray.labelling import header_deadline
from rlhp_ray.labelling.serving_options import ServingOptions
from rlhp_ray.labelling.session import listening, server_config

DEADLINE = 1.0
PATIENCE = 30.0  # many times as long: machines may be busy
REQUEST = b"GET /fast HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.fixture
def connect(monkeypatch) -> Iterator[Callable[[], socket.socket]]:
    """Opens connections to a server that is configured as that of the page."""
    monkeypatch.setattr(header_deadline, "HEADER_SECONDS", DEADLINE)
    app = FastAPI()
    app.add_api_route("/fast", lambda: "fast")
    app.add_api_route("/slow", lambda: time.sleep(2 * DEADLINE) or "slow")
    app.add_api_route("/refused", lambda: "refused", methods=["POST"], status_code=403)
    opened = []

    def connected() -> socket.socket:
        opened.append(socket.create_connection(listener.getsockname(), timeout=PATIENCE))
        return opened[-1]

    with listening(18520) as listener:
        server = uvicorn.Server(server_config(app, ServingOptions()))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield connected
        for connection in opened:
            connection.close()
        server.should_exit = True
        thread.join(PATIENCE)


def is_cut(connection: socket.socket) -> bool:
    """Whether the other side ends it while a byte is sent now and then."""
    until = time.monotonic() + PATIENCE
    connection.settimeout(0.1)
    while time.monotonic() < until:
        try:
            connection.sendall(b"x")
            if not connection.recv(1000):
                return True
        except TimeoutError:
            continue
        except ConnectionError:
            return True
    return False


def status(connection: socket.socket, request: bytes = REQUEST) -> int:
    connection.sendall(request)
    response = HTTPResponse(connection)
    response.begin()
    response.read()
    return response.status


def test_headers_that_come_byte_by_byte_end_the_connection(connect):
    connection = connect()
    connection.sendall(REQUEST[:-4] + b"\r\nX-Slow: ")
    assert is_cut(connection)
    assert status(connect()) == 200


def test_a_connection_on_which_nothing_comes_ends(connect):
    assert connect().recv(1) == b""


def test_headers_of_a_later_request_may_not_come_slowly_either(connect):
    connection = connect()
    assert status(connection) == 200
    connection.sendall(b"GET /fast HTTP/1.1\r\nX-Slow: ")
    assert is_cut(connection)


def test_a_body_that_goes_on_after_its_refusal_ends_the_connection(connect):
    connection = connect()
    head = b"POST /refused HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 999999\r\n\r\n"
    assert status(connection, head) == 403
    assert is_cut(connection)


def test_answers_and_pauses_may_last_longer_than_headers(connect):
    connection = connect()
    assert status(connection, REQUEST.replace(b"fast", b"slow")) == 200
    time.sleep(1.5 * DEADLINE)
    assert status(connection) == 200
