"""What the index knows of one run, from the few small files that tell it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rlhp_ray.experiment.run_archive import RunArchive
from rlhp_ray.experiment.session_lock import SessionState, session_state
from rlhp_ray.runs.config_text import ConfigText
from rlhp_ray.runs.progress_so_far import read_progress

STATUSES = ("done", "failed", "interrupted", "stopped", "running", "killed", "unfinished", "damaged")
"""As in `summary.json`; and, where a run has none: `running`, while a process holds its lock; `killed`, where that
process ended without a word; `unfinished`, where nothing tells; `damaged`, where its files cannot be read."""

SWEEP_FILE = "sweep.yaml"
_FROM_CONFIG = {
    "env": "env.id",
    "algorithm": "training.algorithm",
    "seed": "seed",
    "mode": "mode",
    "reward_source": "reward_source",
}
_EMPTY = ConfigText("")


@dataclass(frozen=True)
class RunRecord:
    """One run of the index.

    Args:
        archive: of the run.
        sweep: name of the sweep that it belongs to, or None.
        status: one of `STATUSES`.
        facts: the keys of `summary.json`; of a run without one, as many of them as are known by now.
        config: of the run.
        started: by the first line of `command.txt`, in UTC.
        problem: why it is damaged.
    """

    archive: RunArchive
    sweep: str | None
    status: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    config: ConfigText = _EMPTY
    started: datetime | None = None
    problem: str | None = None

    @property
    def name(self) -> str:
        """Of its directory, after that of its sweep."""
        name = self.archive.directory.name
        return f"{self.sweep}/{name}" if self.sweep else name

    @property
    def question(self) -> str | None:
        return self._text("question")

    @property
    def expect(self) -> str | None:
        return self._text("expect")

    def _text(self, key: str) -> str | None:
        try:
            value = self.config.value(key)
        except ValueError:
            return None
        return str(value).strip() if value else None


def is_run(directory: Path) -> bool:
    """Whether a directory is a run, a damaged one included; files of these names alone may be anybody's."""
    archive = RunArchive(directory)
    holds_one = any(file.is_file() for file in (archive.config_file, archive.summary_file, archive.metrics_file))
    return holds_one and (archive.command_file.is_file() or (archive.code_dir / "commit.txt").is_file())


def is_running(directory: Path) -> bool:
    """Whether a process on this machine works on a run, or on the sweep around it."""
    if session_state(directory) is SessionState.HELD:
        return True
    in_sweep = (directory.parent / SWEEP_FILE).is_file()
    return in_sweep and session_state(directory.parent) is SessionState.HELD


def read_run(directory: Path, sweep: str | None = None, sweep_state: SessionState = SessionState.NONE) -> RunRecord:
    """What a run directory tells; whatever is wrong with it makes it `damaged`, and is no error.

    Args:
        directory: one for which `is_run` holds.
        sweep: name of the sweep that it belongs to, or None.
        sweep_state: of that sweep's own lock.
    """
    archive = RunArchive(directory)
    started = _started(archive)
    config, problem = _read_config(archive)
    summary: Any = None
    try:
        summary = json.loads(archive.summary_file.read_bytes())
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        problem = problem or f"summary.json cannot be read: {error}"
    else:
        if not isinstance(summary, dict) or not isinstance(summary.get("status"), str):
            problem, summary = problem or "summary.json is no object with a status", None
    facts = summary
    if facts is None:
        try:
            facts = {key: config.value(dotted) for key, dotted in _FROM_CONFIG.items()} | read_progress(archive)
        except ValueError as error:
            facts, problem = {}, problem or f"config.yaml is no YAML: {error}"
    status = "damaged" if problem else _status(directory, summary, sweep_state)
    return RunRecord(archive, sweep, status, facts, config, started, problem)


def _status(directory: Path, summary: dict[str, Any] | None, sweep_state: SessionState) -> str:
    state = session_state(directory)
    if state is SessionState.NONE:
        if summary is not None:
            return str(summary["status"])
        state = sweep_state
    return {SessionState.HELD: "running", SessionState.KILLED: "killed"}.get(state, "unfinished")


def _read_config(archive: RunArchive) -> tuple[ConfigText, str | None]:
    try:
        config = ConfigText(archive.config_file.read_bytes().decode())
    except FileNotFoundError:
        return _EMPTY, "config.yaml is missing"
    except (OSError, UnicodeDecodeError) as error:
        return _EMPTY, f"config.yaml cannot be read: {error}"
    return config, None if "env" in config else "config.yaml is cut short: it has no section env"


def _started(archive: RunArchive) -> datetime | None:
    try:
        with archive.command_file.open("rb") as file:
            return datetime.fromisoformat(file.readline(40).split(b" ", 1)[0].decode()).astimezone(UTC)
    except (OSError, ValueError):
        return None
