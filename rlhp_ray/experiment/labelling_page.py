"""The labelling page of a run whose teacher is people: a process of its own, kept up as long as the run goes on."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from rlhp_ray.config.schema import PEOPLE, LabellingConfig, RunConfig
from rlhp_ray.preferences.check_queries import CheckKind
from rlhp_ray.preferences.preference_subject import PreferenceSubject
from rlhp_ray.preferences.query_queue import QueryQueue
from rlhp_ray.preferences.queue_database import QUEUE_FILE

PARENT_VARIABLE = "RLHP_LABEL_PARENT"  # process id of the run that started the server, which ends with it
MAX_STARTS = 20  # of the server in a row, when it is killed again and again
HEALTHY_SECONDS = 300.0  # after so long a life its end begins another row
RESTART_SECONDS = 1.0
STOP_SECONDS = 10.0


@contextlib.contextmanager
def labelling_page(directory: Path, config: RunConfig) -> Iterator[None]:
    """Serve the page of a run or a sweep meanwhile, where people are its teacher; its address goes to standard error.

    The page is started again when its process dies: answers are on disk, and the pages of people send the rest later.

    Args:
        directory: of the run, or of the sweep whose trials share the answers.
        config: of the run, or what all trials share.

    Raises:
        LabellingError: the queue cannot be used.
    """
    if config.teacher.preset != PEOPLE or config.reward_source != "preferences":
        yield
        return
    queue = QueryQueue(directory / QUEUE_FILE)
    budget, total = config.preferences.labels, config.training.env_steps
    queue.state_facts(
        {
            "instruction": config.labelling.instruction,
            **_check_rates(config.labelling),
            "env_id": config.env.id,
            "frame_skip": config.env.frame_skip,
            "budget": budget,
            "total_env_steps": total,
            "ended": False,
        }
    )
    command = [sys.executable, "-m", "rlhp_ray.cli", "label", str(directory)]
    if not config.labelling.own_page:
        what = "sweep" if config.shares_preferences else "run"
        print(f"rlhp: serve the page of this {what} with: rlhp label {directory}", file=sys.stderr, flush=True)
    with _kept_up(command) if config.labelling.own_page else contextlib.nullcontext():
        try:
            yield
        finally:
            queue.state_facts({"ended": True})
            queue.close()


def offer_gold_pairs(directory: Path, config: RunConfig, subject: PreferenceSubject) -> None:
    """Put pairs whose answer is known into the queue of a run or a sweep, where people are to be checked by them.

    Raises:
        PreferenceStoreError: `labelling.gold` cannot be read, or is about something else.
    """
    gold = config.labelling.gold
    if gold is None or config.teacher.preset != PEOPLE or not Path(gold).exists():
        return
    from rlhp_ray.preferences.gold_pairs import offer_gold

    with contextlib.closing(QueryQueue(directory / QUEUE_FILE)) as queue:
        number = offer_gold(queue, Path(gold), subject)
    print(f"gold pairs to check people by: {number:,} of {gold}", file=sys.stderr, flush=True)


def _check_rates(labelling: LabellingConfig) -> dict[str, float]:
    rates = {kind.rate_fact: getattr(labelling, kind.rate_fact) for kind in CheckKind}
    return rates if labelling.gold else {**rates, CheckKind.GOLD.rate_fact: 0.0}


@contextlib.contextmanager
def _kept_up(command: list[str]) -> Iterator[None]:
    ended = threading.Event()
    first = _start(command)
    keeper = threading.Thread(target=_keep_up, args=(command, first, ended), daemon=True, name="labelling page")
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join(2 * STOP_SECONDS)


def _start(command: list[str]) -> subprocess.Popen:
    # A copy of the environment: Ray changes that of the process while it starts, which a start meanwhile fails of.
    environment = {**os.environ, PARENT_VARIABLE: str(os.getpid())}
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=sys.stderr, stdin=subprocess.DEVNULL, env=environment
    )


def _keep_up(command: list[str], server: subprocess.Popen, ended: threading.Event) -> None:
    starts, since = 0, time.monotonic()
    while True:
        while server.poll() is None and not ended.wait(RESTART_SECONDS):
            pass
        if ended.is_set():
            break
        if time.monotonic() - since > HEALTHY_SECONDS:
            starts = 0
        if starts == MAX_STARTS:
            text = f"the labelling page died {MAX_STARTS + 1} times in a row, and is not started again"
            print(f"rlhp: {text}. Serve it with: rlhp {' '.join(command[-2:])}", file=sys.stderr, flush=True)
            return
        ended.wait(RESTART_SECONDS)
        server, starts, since = _start(command), starts + 1, time.monotonic()
    _stop(server)


def _stop(server: subprocess.Popen) -> None:
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
