"""A queue of clips of MovingDot, its server in a thread, and a browser."""

import contextlib
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI

from rlhp_ray.clips.clip import Clip
from rlhp_ray.labelling.admission import AnybodyHere
from rlhp_ray.labelling.audit_log import AuditLog
from rlhp_ray.labelling.clip_videos import ClipVideos
from rlhp_ray.labelling.episode_videos import EpisodeVideos
from rlhp_ray.labelling.server import create_app
from rlhp_ray.labelling.session import listening
from rlhp_ray.preferences.query_queue import QueryQueue

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


def dot_clip(x: float, y: float, steps: int = 10) -> Clip:
    """A dot that stands still; coordinates are in [0, 1]."""
    positions = np.full((steps, 2), [x, y], np.float32)
    distance = float(np.hypot(x - 0.5, y - 0.5))
    return Clip(positions, np.zeros(steps, np.int64), np.full(steps, -distance, np.float32), env_steps=0)


def offered_queue(path: Path) -> QueryQueue:
    """Six pairs; the left dot of each is nearer to the centre."""
    made = QueryQueue(path)
    for number in range(6):
        left, right = dot_clip(0.5 + 0.01 * number, 0.5), dot_clip(0.1, 0.1 + 0.01 * number)
        made.offer([(left.clip_id, right.clip_id)], [left, right], env_steps=100)
    facts = {"env_id": "rlhp/MovingDot-v0", "frame_skip": None, "budget": 20, "instruction": "Which is nearer?"}
    made.state_facts({**facts, "total_env_steps": 1000, "env_steps": 100})
    return made


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[QueryQueue]:
    """Of `offered_queue`."""
    with contextlib.closing(offered_queue(tmp_path / "labelling.sqlite")) as made:
        yield made


@pytest.fixture
def disk_refuses(queue: QueryQueue) -> Callable[[], contextlib.AbstractContextManager[None]]:
    """While it is entered, SQLite refuses every answer, as it would on a disk that is full."""

    @contextlib.contextmanager
    def refusing() -> Iterator[None]:
        with contextlib.closing(sqlite3.connect(queue.path)) as other, other:
            other.execute("CREATE TRIGGER full BEFORE INSERT ON answers BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
        try:
            yield
        finally:
            with contextlib.closing(sqlite3.connect(queue.path)) as other, other:
                other.execute("DROP TRIGGER full")

    return refusing


def open_app(queue_file: Path) -> FastAPI:
    """The server of a queue on loopback."""
    shown = "rlhp/MovingDot-v0", None
    videos, episodes = ClipVideos(*shown), EpisodeVideos(*shown, queue_file.parent / "episodes")
    return create_app(QueryQueue(queue_file), videos, episodes, AnybodyHere("person"), AuditLog(queue_file.parent))


@pytest.fixture
def serve(queue: QueryQueue) -> Iterator[Callable[..., str]]:
    """Start a server of the queue and give its address; called again, it starts another on the same port."""
    servers: list[tuple[uvicorn.Server, threading.Thread, Any]] = []

    def start(port: int = 18420) -> str:
        stop()
        socket = listening(port)
        listener = socket.__enter__()
        app = open_app(queue.path)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        servers.append((server, thread, socket))
        while not server.started:
            time.sleep(0.01)
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    def stop() -> None:
        while servers:
            server, thread, socket = servers.pop()
            server.should_exit = True
            thread.join(10)
            socket.__exit__(None, None, None)

    start.stop = stop  # type: ignore[attr-defined]  # for tests in which the server goes away
    yield start
    stop()


def chromium() -> str:
    """The browser's program; where there is none, the test is skipped, but fails in CI."""
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if found is None:
        reason = f"none of {', '.join(CHROMIUM_NAMES)} is installed; as root, `make test` installs chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield launched
        launched.close()
