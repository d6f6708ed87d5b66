"""One labelling session: a queue, its server on a free port, until it is stopped."""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from rlhp_ray.errors import LabellingError
from rlhp_ray.experiment.labelling_page import PARENT_VARIABLE
from rlhp_ray.experiment.session_lock import session_lock
from rlhp_ray.labelling.clip_videos import ClipVideos
from rlhp_ray.labelling.saved_clips import LABELLED_DIRECTORY, labelled_store, offer_saved
from rlhp_ray.labelling.server import create_app
from rlhp_ray.preferences.preference_database import STORE_FILE
from rlhp_ray.preferences.query_queue import QueryQueue
from rlhp_ray.preferences.queue_database import QUEUE_FILE

LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 8420
PORTS_TRIED = 50
PARENT_SECONDS = 0.5
FREE_SECONDS = 5.0
SERVER_DIRECTORY = ".labelling"  # holds the lock of the server: the run holds its own
RUN_FACT, PORT_FACT = "total_env_steps", "port"


def serve_labels(directory: Path, port: int | None, labeller: str, instruction: str) -> Path:
    """Serve the page of a run, or of saved clips, until Ctrl-C or the end of the process.

    Args:
        directory: of a run whose teacher is people, or one with a preference database.
        port: to listen at; None takes the first free one from DEFAULT_PORT on.
        labeller: what answers are filed under.
        instruction: what people are asked about saved clips.

    Returns:
        The directory that holds the answers.

    Raises:
        LabellingError: there is nothing to label, the port cannot be had, or clips cannot be drawn.
        ArchiveError: another server is up for this directory.
    """
    queue_file, database = directory / QUEUE_FILE, directory / STORE_FILE
    if not queue_file.exists() and not database.exists():
        raise LabellingError(
            f"{directory} holds nothing to label: neither {QUEUE_FILE} nor {STORE_FILE}. Expected a run with "
            "teacher.preset=people, or a directory that `rlhp preferences gather` wrote; name one of these."
        )
    lock_directory = directory / SERVER_DIRECTORY
    lock_directory.mkdir(exist_ok=True)
    with session_lock(lock_directory), contextlib.closing(QueryQueue(queue_file)) as queue:
        if RUN_FACT in queue.facts():
            _serve(queue, port, labeller)
            return directory
        offer_saved(queue, database, instruction)
        with labelled_store(queue, database):
            _serve(queue, port, labeller)
        return directory / LABELLED_DIRECTORY


def _serve(queue: QueryQueue, port: int | None, labeller: str) -> None:
    facts = queue.facts()
    usual = facts.get(PORT_FACT) if port is None else None  # open pages come back to it
    if usual is not None:
        _await_free(usual)
        port = usual
    videos = ClipVideos(facts["env_id"], facts.get("frame_skip"))
    with listening(port) as listener, contextlib.closing(videos):
        address = f"http://{LOOPBACK}:{listener.getsockname()[1]}/"
        print(f"rlhp: label at {address}", file=sys.stderr, flush=True)
        queue.state_facts({PORT_FACT: listener.getsockname()[1]})
        app = create_app(queue, videos, labeller)
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=2
        )
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # uvicorn raises again what stopped it
        server = uvicorn.Server(config)
        threading.Thread(target=_end_with_parent, args=(server,), daemon=True).start()
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


def _end_with_parent(server: uvicorn.Server) -> None:
    """A run that is killed cannot stop its server."""
    parent = os.environ.get(PARENT_VARIABLE)
    while parent is not None and not server.should_exit:
        if os.getppid() != int(parent):
            server.should_exit = True
        time.sleep(PARENT_SECONDS)


def _await_free(port: int) -> None:
    """Wait a while for the server of a killed run to leave its port."""
    deadline = time.monotonic() + FREE_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((LOOPBACK, port)) != 0:
                return
        time.sleep(0.1)


@contextlib.contextmanager
def listening(port: int | None) -> Iterator[socket.socket]:
    """A socket on loopback, at the port or at the next free one; the latter is said."""
    first = DEFAULT_PORT if port is None else port
    # asyncio sends at once (TCP_NODELAY) only on sockets that name their protocol; each answer else takes 40 ms more.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for candidate in range(first, min(first + PORTS_TRIED, 65_536)):
            with contextlib.suppress(OSError):
                listener.bind((LOOPBACK, candidate))
                listener.listen()
                if port is not None and candidate != port:
                    print(f"rlhp: port {port} is taken; using {candidate}", file=sys.stderr, flush=True)
                yield listener
                return
        raise LabellingError(
            f"no port from {first} to {first + PORTS_TRIED - 1} is free on {LOOPBACK}; expected one. Close other "
            "servers, or name another with --port."
        )
