"""What is said of a dashboard that takes no jobs, asked of a stand-in for it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import ray

from rlhp_ray.cluster.job import check_dashboard
from rlhp_ray.errors import ClusterError, ConfigError


class Dashboard(HTTPServer):
    """Answers `/api/version` as Ray's dashboard does; `body` in its place where that is given."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.token: str | None = None
        self.body = json.dumps({"ray_version": ray.__version__})
        self.url = f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    server: Dashboard

    def do_GET(self) -> None:
        shown = self.headers.get("Authorization")
        code = 200
        if self.path != "/api/version":
            code = 404
        elif self.server.token is not None and shown != f"Bearer {self.server.token}":
            code = 401 if shown is None else 403
        self.send_response(code)
        self.end_headers()
        self.wfile.write(self.server.body.encode() if code == 200 else b"no")

    def log_message(self, *words: object) -> None:
        """Nothing on standard error."""


@pytest.fixture
def dashboard(own_token: Path) -> Iterator[Dashboard]:
    with Dashboard() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_dashboard_of_our_version_is_fine(dashboard: Dashboard) -> None:
    check_dashboard(dashboard.url)
    check_dashboard(dashboard.url + "/")


def test_its_token_is_shown_to_it(dashboard: Dashboard, own_token: Path) -> None:
    dashboard.token = "secret"
    own_token.write_text("secret\n")
    check_dashboard(dashboard.url)


def test_a_missing_and_a_wrong_token_are_told_apart(dashboard: Dashboard, own_token: Path) -> None:
    dashboard.token = "secret"
    with pytest.raises(ClusterError, match="asks for a token, and this machine has none"):
        check_dashboard(dashboard.url)
    own_token.write_text("guess")
    with pytest.raises(ClusterError, match="refuses this machine's token"):
        check_dashboard(dashboard.url)


def test_another_version_of_ray(dashboard: Dashboard) -> None:
    dashboard.body = '{"ray_version": "1.2.3"}'
    with pytest.raises(ClusterError, match=f"runs Ray 1.2.3, and this machine {ray.__version__}"):
        check_dashboard(dashboard.url)


@pytest.mark.parametrize("body", ["<html>", "[]", "{}"])
def test_something_else_that_answers(dashboard: Dashboard, body: str) -> None:
    dashboard.body = body
    with pytest.raises(ClusterError, match="no Ray dashboard answers"):
        check_dashboard(dashboard.url)


def test_nothing_that_answers(own_token: Path) -> None:
    with Dashboard() as server:
        url = server.url
    with pytest.raises(ClusterError, match=r"no Ray dashboard answers .* Start the tunnel"):
        check_dashboard(url)


@pytest.mark.parametrize("url", ["127.0.0.1:8265", "auto", "ray://127.0.0.1:10001", "http://"])
def test_what_is_no_address_of_a_dashboard(url: str) -> None:
    with pytest.raises(ConfigError, match="expected a dashboard's address"):
        check_dashboard(url)
