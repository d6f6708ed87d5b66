"""Three browsers label one run while its server, its buffer and the run itself are killed: no answer is lost."""

import contextlib
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.labelling.conftest import browser

__all__ = ["browser"]
ANSWERS = 500
KILLS = 10
MAX_SECONDS = 900
CONFIG = ["moving_dot", "teacher.preset=people", "training.env_steps=40000", f"preferences.labels={ANSWERS}"]
SMALL = ["reward.pretraining_epochs=2", "reward.pairs_per_round=100", "evaluation.episodes=20"]
KEYS = ("ArrowLeft", "ArrowRight", "ArrowDown")


class KilledRun:
    """A run that is started, and resumed whenever it ended."""

    def __init__(self, folder: Path) -> None:
        self.directory, self._log = folder / "run", (folder / "log.txt").open("w")
        self.log = folder / "log.txt"
        self._process = self._start("train", *CONFIG, *SMALL, f"output_dir={folder}", "name=run")

    def _start(self, *words: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "rlhp_ray.cli", *words]
        return subprocess.Popen(command, stderr=self._log, stdout=subprocess.DEVNULL, start_new_session=True)

    def go_on(self) -> None:
        """Resume it if it has ended."""
        if self._process.poll() is not None:
            self._process = self._start("resume", str(self.directory))

    def kill(self, what: str) -> bool:
        """SIGKILL one of its processes; whether that one was there."""
        with contextlib.suppress(psutil.NoSuchProcess):
            run = psutil.Process(self._process.pid)
            if what == "run":
                run.send_signal(signal.SIGKILL)
                self._process.wait()
                return True
            for child in run.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    if what in " ".join(child.cmdline()):
                        child.send_signal(signal.SIGKILL)
                        return True
        return False

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(90)
        finally:
            self._process.kill()
            self._log.close()


@pytest.mark.learning
def test_every_acknowledged_answer_is_there_exactly_once(browser, tmp_path: Path) -> None:
    rng = random.Random(0)
    run = KilledRun(tmp_path)
    acknowledged: list[str] = []

    def note(response) -> None:
        if response.request.method == "POST" and response.url.endswith("/api/answers") and response.ok:
            acknowledged.append(response.request.post_data_json["submission"])

    pages = [browser.new_context().new_page() for _ in range(3)]
    for page in pages:
        page.on("response", note)
    while not (found := re.search(r"label at (http://\S+)", run.log.read_text())):
        pages[0].wait_for_timeout(200)
    for page in pages:
        page.goto(found[1])
    targets = ["rlhp_ray.cli label", "ray::PreferenceBuffer", "run"] * KILLS
    killed: list[str] = []
    moments = [ANSWERS * (number + rng.random()) / (KILLS + 1) for number in range(KILLS)]  # in answers given
    started = time.monotonic()
    while len(set(acknowledged)) < ANSWERS and time.monotonic() - started < MAX_SECONDS:
        for page in pages:
            if page.evaluate("shown !== null"):
                page.keyboard.press(rng.choice(KEYS))
        pages[0].wait_for_timeout(100)
        is_due = len(killed) < KILLS and len(set(acknowledged)) >= moments[len(killed)]
        if is_due and run.kill(targets[len(killed)]):
            killed.append(targets[len(killed)])
        run.go_on()
    pages[0].wait_for_timeout(3000)
    run.stop()
    with sqlite3.connect(run.directory / "labelling.sqlite") as connection:
        stored = [row[0] for row in connection.execute("SELECT submission FROM answers")]
        pairs = connection.execute("SELECT query_id, count(*) FROM answers GROUP BY query_id").fetchall()
        taken = connection.execute("SELECT count(*) FROM taken").fetchone()[0]
    with sqlite3.connect(run.directory / "preferences.sqlite") as connection:
        preferences = connection.execute("SELECT count(*) FROM preferences").fetchone()[0]
    assert len(killed) == KILLS, killed
    assert len(acknowledged) == len(set(acknowledged)) >= ANSWERS
    assert set(acknowledged) <= set(stored) and len(stored) == len(set(stored))
    assert {count for _, count in pairs} == {1}  # no pair was asked of two
    assert preferences == taken
