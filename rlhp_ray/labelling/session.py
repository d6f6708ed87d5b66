"""One labelling session: a queue, its server on a free port, until it is stopped."""

import contextlib
import errno
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from rlhp_ray.errors import ConfigError, LabellingError
from rlhp_ray.experiment.labelling_page import PARENT_VARIABLE
from rlhp_ray.experiment.session_lock import session_lock
from rlhp_ray.labelling.admission import Admission, AnybodyHere, Invited
from rlhp_ray.labelling.audit_log import AuditLog
from rlhp_ray.labelling.clip_videos import ClipVideos
from rlhp_ray.labelling.episode_videos import EPISODES_DIRECTORY, EpisodeVideos
from rlhp_ray.labelling.header_deadline import HeaderDeadline
from rlhp_ray.labelling.public_address import LOOPBACK, PublicAddress
from rlhp_ray.labelling.saved_clips import LABELLED_DIRECTORY, labelled_store, offer_saved
from rlhp_ray.labelling.server import create_app
from rlhp_ray.labelling.serving_options import DEFAULT_PORT, ServingOptions
from rlhp_ray.preferences.database_location import preferences_directory
from rlhp_ray.preferences.preference_database import STORE_FILE
from rlhp_ray.preferences.query_queue import QueryQueue
from rlhp_ray.preferences.queue_database import QUEUE_FILE

PORTS_TRIED = 50
PARENT_SECONDS = 0.5
FREE_SECONDS = 5.0
MAX_CONNECTIONS = 1000
SERVER_DIRECTORY = (
    ".labelling"  # holds the lock of the server (the run holds its own), invitations, audit log, episodes
)
RUN_FACT, PORT_FACT, ADDRESS_FACT = "total_env_steps", "port", "address"


def serve_labels(directory: Path, options: ServingOptions, labeller: str, instruction: str) -> Path:
    """Serve the page of a run, or of saved clips, until Ctrl-C or the end of the process.

    Args:
        directory: of a run whose teacher is people, or one with a preference database.
        options: where, and to whom.
        labeller: what answers are filed under, on loopback.
        instruction: what people are asked about saved clips.

    Returns:
        The directory that holds the answers.

    Raises:
        ConfigError: the certificate cannot be used.
        LabellingError: there is nothing to label, the address cannot be had, or clips cannot be drawn.
        ArchiveError: another server is up for this directory.
    """
    options.check_certificate()
    directory = preferences_directory(directory)
    server_directory = directory_of_server(directory)
    queue_file, database = directory / QUEUE_FILE, directory / STORE_FILE
    with session_lock(server_directory), contextlib.closing(QueryQueue(queue_file)) as queue:
        if RUN_FACT in queue.facts():
            _serve(queue, server_directory, options, labeller)
            return directory
        offer_saved(queue, database, instruction)
        with labelled_store(queue, database):
            _serve(queue, server_directory, options, labeller)
        return directory / LABELLED_DIRECTORY


def invite(directory: Path, options: ServingOptions, labeller: str) -> str:
    """Invite a person; gives the link, whose token is kept nowhere.

    Args:
        directory: of a run whose teacher is people, or one with a preference database.
        options: where it is or will be served; where they do not say, where it was served last.
        labeller: what their answers are filed under.

    Raises:
        ConfigError: it is not known where people will reach the page.
        LabellingError: there is nothing to label, or the invitation cannot be stored.
    """
    directory = preferences_directory(directory)
    server_directory = directory_of_server(directory)
    with contextlib.closing(QueryQueue(directory / QUEUE_FILE)) as queue:
        facts = queue.facts()
    address = options.public_address(options.port or facts.get(PORT_FACT) or DEFAULT_PORT)
    origin = facts.get(ADDRESS_FACT) if address is None else address.origin
    if origin is None:
        raise ConfigError(
            "--invite: it is not known where people will reach the page, as it was served on loopback alone; expected "
            "--host or --address as well, as the server gets them. Add one."
        )
    with contextlib.closing(Invited(server_directory)) as invited:
        token = invited.invite(labeller)
    AuditLog(server_directory).note("invited", labeller=labeller)
    return f"{origin}/join#{token}"


def directory_of_server(directory: Path) -> Path:
    """Where the server of a run, or of saved clips, keeps what is its own.

    Raises:
        LabellingError: there is nothing to label.
    """
    if not (directory / QUEUE_FILE).exists() and not (directory / STORE_FILE).exists():
        raise LabellingError(
            f"{directory} holds nothing to label: neither {QUEUE_FILE} nor {STORE_FILE}. Expected a run with "
            "teacher.preset=people, or a directory that `rlhp preferences gather` wrote; name one of these."
        )
    found = directory / SERVER_DIRECTORY
    found.mkdir(exist_ok=True)
    return found


def _serve(queue: QueryQueue, server_directory: Path, options: ServingOptions, labeller: str) -> None:
    facts, port = queue.facts(), options.port
    usual = facts.get(PORT_FACT) if port is None else None  # open pages come back to it
    if usual is not None:
        _await_free(options.host, usual)
        port = usual
    shown = facts["env_id"], facts.get("frame_skip")
    videos, episodes = ClipVideos(*shown), EpisodeVideos(*shown, server_directory / EPISODES_DIRECTORY)
    with listening(port, options.host) as listener, contextlib.closing(videos), contextlib.closing(episodes):
        port = listener.getsockname()[1]
        address = options.public_address(port)
        _say_where(address, port)
        queue.state_facts({PORT_FACT: port, **({} if address is None else {ADDRESS_FACT: address.origin})})
        admission: Admission = AnybodyHere(labeller) if address is None else Invited(server_directory)
        app = create_app(queue, videos, episodes, admission, AuditLog(server_directory), address)
        _run_server(app, listener, options)


def server_config(app: FastAPI, options: ServingOptions) -> uvicorn.Config:
    """How the page of a queue is served."""
    return uvicorn.Config(
        app,
        http=HeaderDeadline,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        limit_concurrency=MAX_CONNECTIONS,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
    )


def _run_server(app: FastAPI, listener: socket.socket, options: ServingOptions) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # uvicorn raises again what stopped it
    server = uvicorn.Server(server_config(app, options))
    threading.Thread(target=_end_with_parent, args=(server,), daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


def _say_where(address: PublicAddress | None, port: int) -> None:
    if address is None:
        print(f"rlhp: label at http://{LOOPBACK}:{port}/", file=sys.stderr, flush=True)
        return
    print(f"rlhp: people who are invited label at {address.origin}/", file=sys.stderr, flush=True)
    if address.scheme == "http":
        print(
            "rlhp: warning: without TLS, whoever is on the way can read the invitations and answer in other people's "
            "names; use --certificate and --key, or a proxy",
            file=sys.stderr,
            flush=True,
        )


def _end_with_parent(server: uvicorn.Server) -> None:
    """A run that is killed cannot stop its server."""
    parent = os.environ.get(PARENT_VARIABLE)
    while parent is not None and not server.should_exit:
        if os.getppid() != int(parent):
            server.should_exit = True
        time.sleep(PARENT_SECONDS)


def _await_free(host: str, port: int) -> None:
    """Wait a while for the server of a killed run to leave its port."""
    deadline = time.monotonic() + FREE_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            return
        time.sleep(0.1)


@contextlib.contextmanager
def listening(port: int | None, host: str = LOOPBACK) -> Iterator[socket.socket]:
    """A socket at the port of a host of this machine, or at the next free one; the latter is said."""
    first = DEFAULT_PORT if port is None else port
    try:
        family, *_, (name, *_) = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise LabellingError(
            f"--host: {host!r} is not known here ({error}); expected an address or a name of this machine. Name one."
        ) from error
    # asyncio sends at once (TCP_NODELAY) only on sockets that name their protocol; each answer else takes 40 ms more.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for candidate in range(first, min(first + PORTS_TRIED, 65_536)):
            try:
                listener.bind((name, candidate))
                listener.listen()
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL:
                    raise LabellingError(
                        f"--host: {host!r} is no address of this machine; expected one. Where people reach it by a "
                        "name of another machine (a proxy), that is --address."
                    ) from error
                continue
            if port is not None and candidate != port:
                print(f"rlhp: port {port} is taken; using {candidate}", file=sys.stderr, flush=True)
            yield listener
            return
        raise LabellingError(
            f"no port from {first} to {first + PORTS_TRIED - 1} is free on {host}; expected one. Close other "
            "servers, or name another with --port."
        )
