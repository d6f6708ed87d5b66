"""A training by the command line in a process group of its own: watched by its files, killed, resumed."""

import contextlib
import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

TIMEOUT_SECONDS = 300.0
LONGEST_ROW_BYTES = 65_536
TRIAL = "PreferencePPO"
ROLES = {"env_runner": "RolloutRunner", "reward_learner": "RewardLearner", "preference_buffer": "PreferenceBuffer"}
"""What Ray titles the trial's process, and others by what `failures` of the summary calls them."""


def last_env_steps(metrics_csv: Path) -> int:
    """Of its last row, which is read without the many before it; 0 where there is none yet."""
    with contextlib.suppress(OSError), metrics_csv.open("rb") as file:
        header = file.readline()
        file.seek(max(len(header), file.seek(0, os.SEEK_END) - LONGEST_ROW_BYTES))
        whole_rows = file.read().decode().split("\n")[:-1]
        if whole_rows:
            names, last = csv.reader([header.decode(), whole_rows[-1]])
            return int(dict(zip(names, last, strict=True))["env_steps"])
    return 0


def labels_in(run: Path) -> list[tuple]:
    """All answers on disk."""
    with contextlib.closing(sqlite3.connect(run / "preferences.sqlite")) as connection:
        return connection.execute("SELECT query_index, left_id, right_id, answer FROM preferences").fetchall()


class KillableRun:
    """A run of `moving_dot` that goes on.

    Args:
        folder: that its directory, `run`, is made in.
        overrides: of the configuration.
        env: variables beside those of this process.
    """

    def __init__(self, folder: Path, overrides: Sequence[str], env: dict[str, str] | None = None) -> None:
        self.directory = folder / "run"
        self._command = [sys.executable, "-m", "rlhp_ray.cli"]
        self._env = {**os.environ, **(env or {})}
        self.process = self._start("train", "moving_dot", "name=run", f"output_dir={folder}", *overrides)

    def _start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self._command, *arguments],
            env=self._env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def rows(self) -> list[dict[str, str]]:
        """Of `metrics.csv`."""
        with contextlib.suppress(OSError), (self.directory / "metrics.csv").open(newline="") as file:
            return [row for row in csv.DictReader(file) if None not in row.values()]
        return []

    def env_steps(self) -> int:
        """So far."""
        return last_env_steps(self.directory / "metrics.csv")

    def wait_for(self, is_reached: Callable[[], bool]) -> bool:
        """Whether it came to that before its end."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            if is_reached():
                return True
            if self.process.poll() is not None:
                return is_reached()
            time.sleep(0.02)
        self.kill()
        sys.exit(f"{self.directory} did not come on within {TIMEOUT_SECONDS:.0f} s")

    def labels(self) -> list[tuple]:
        """All answers on disk."""
        return labels_in(self.directory)

    def processes(self) -> list[psutil.Process]:
        """The command and all that it started, Ray's own among them."""
        with contextlib.suppress(psutil.Error):
            command = psutil.Process(self.process.pid)
            return [command, *command.children(recursive=True)]
        return []

    def kill(self, role: str | None = None) -> None:
        """SIGKILL to the process that Ray titles so, or to all of the run."""
        if role is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            return
        for process in self.actors(role):
            process.kill()
            return
        sys.exit(f"{self.directory} has no process ray::{role}")

    def actors(self, role: str = "") -> list[psutil.Process]:
        """Those of its processes that Ray titles so, or all that it gives a title."""
        found = []
        for process in self.processes():
            with contextlib.suppress(psutil.Error, IndexError):
                if process.cmdline()[0].startswith(f"ray::{role}"):
                    found.append(process)
        return found

    def end(self) -> None:
        """Kill what goes on, if anything does."""
        if self.process.poll() is None:
            self.kill()

    def resume(self) -> None:
        """Go on by `rlhp resume`."""
        self.process = self._start("resume", str(self.directory))

    @property
    def has_ended(self) -> bool:
        """Whether there is a summary, or no process any more."""
        return (self.directory / "summary.json").exists() or self.process.poll() is not None

    def summary(self) -> dict:
        """At its end; what the command draws after it is not waited for."""
        file = self.directory / "summary.json"
        self.wait_for(file.exists)
        self.end()
        return json.loads(file.read_text())

    def failure(self, kind: str) -> dict | None:
        """What is counted of a kind so far."""
        with contextlib.suppress(OSError, ValueError):
            return json.loads((self.directory / "failures.json").read_text()).get(kind)
        return None
