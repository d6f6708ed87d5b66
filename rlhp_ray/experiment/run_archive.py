"""A run directory as an archive: what ran, on what, with which code, what it cost and which question it answers.

```
RUN/  config.yaml  command.txt  question.md  versions.txt  hardware.json  code/{commit.txt,diff.patch}
      console.log  metrics.csv  tensorboard/  checkpoints/  preferences.sqlite  videos/
      learning_curve.png  summary.json
```

`config.yaml` is written last: a directory without it is not (or not yet) a run. Secrets stay out: environment variables
are never read, values of secret-looking keys are masked in commands, secret-looking files are left out of the diff.
"""

import contextlib
import json
import math
import os
import platform
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TextIO

from rlhp_ray.errors import ArchiveError, ConfigError

MIN_FREE_BYTES = 200 * 10**6
"""Free disk space without which no run is begun, in bytes."""
MAX_CONSOLE_BYTES = 10 * 10**6
"""Size at which `console.log` is closed, in bytes, over all commands of the run."""
MAX_CONSOLE_LINE_CHARS = 20_000
"""What is kept of one line of the console."""
MAX_UNTRACKED_FILE_BYTES = 10**6
"""Untracked files larger than this are named in `commit.txt` instead of copied into `diff.patch`."""
MAX_UNTRACKED_FILES = 1_000
"""Untracked files beyond this many are counted in `commit.txt` instead of copied into `diff.patch`."""

_SECRET = r"(?:token|passw(?:or)?d|passphrase|secret|api[_-]?key|access[_-]?key|private[_-]?key|credential)"
_SECRET_KEY = re.compile(rf"[\w.\-]*{_SECRET}[\w.\-]*", re.IGNORECASE)
_SECRET_PAIR = re.compile(
    rf"([\w.\-]*{_SECRET}[\w.\-]*[\"']?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s,}}\]]+)", re.IGNORECASE
)
_URL_LOGIN = re.compile(r"(?<=://)[^/\s@]+@")
_SECRET_FILE = re.compile(rf"{_SECRET}|^\.env(\.|$)|\.(pem|key|p12)$|^id_(rsa|ed25519|ecdsa)", re.IGNORECASE)
_TERMINAL_CODES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_MASK = "***"


@dataclass(frozen=True)
class RunArchive:
    """One run directory. Make it with `create` or `open`, not with the constructor."""

    directory: Path

    @classmethod
    def create(
        cls,
        output_dir: Path,
        name: str | None,
        default_stem: str,
        config_yaml: str,
        command: str,
        question: str | None,
        expect: str | None,
    ) -> "RunArchive":
        """Makes `<output_dir>/<name>` (or `<default_stem>-<unique suffix>`) and files what is known before the run.

        Raises:
            ConfigError: `name` is taken or is not a plain directory name.
            ArchiveError: too little disk space, or the directory cannot be written. What was made for it is removed
                again; what existed stays.
        """
        output_dir = Path(os.path.abspath(output_dir))
        stem = _plain_name(name) if name is not None else re.sub(r"[^\w.+-]+", "-", default_stem).lstrip(".-") or "run"
        missing = [folder for folder in (output_dir, *output_dir.parents) if not folder.exists()]
        made: list[Path] = []
        try:
            _require_disk_space(output_dir)
            output_dir.mkdir(parents=True, exist_ok=True)
            archive = cls(_make_run_directory(output_dir, stem, unique=name is None))
            made.append(archive.directory)
            archive._fill(config_yaml, command, question, expect)
        except BaseException as error:
            for folder in made:
                shutil.rmtree(folder, ignore_errors=True)
            for folder in missing:
                with contextlib.suppress(OSError):
                    folder.rmdir()
            if isinstance(error, OSError):
                raise _cannot_write(output_dir, error) from error
            raise
        return archive

    @classmethod
    def open(cls, directory: Path) -> "RunArchive":
        """The archive of an existing run; `ArchiveError` if `directory` is not one."""
        directory = Path(os.path.abspath(directory))
        if not directory.is_dir():
            what = "is a file" if directory.exists() else "does not exist"
            raise ArchiveError(f"{directory} {what}. Expected a run directory, one that `rlhp train` wrote.")
        archive = cls(directory)
        if not archive.config_file.is_file():
            parent = next((folder for folder in directory.parents if cls(folder).config_file.is_file()), None)
            hint = f" Did you mean the run around it, {parent}?" if parent else ""
            raise ArchiveError(f"{directory} is not a run directory: it holds no config.yaml.{hint}")
        return archive

    def read_config_text(self) -> str:
        """The resolved configuration of the run, as YAML text."""
        return _read_text(self.config_file)

    def append_command(self, command: str) -> None:
        """Adds one line to `command.txt`: the UTC time and the command, secrets masked."""
        line = mask_secrets(command).replace("\r", r"\r").replace("\n", r"\n")
        text = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}  {line}\n"
        with _archive_errors(self.command_file), self.command_file.open("ab") as file:
            file.write(text.encode(errors="backslashreplace"))

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Replaces `summary.json` in one step. Numbers that are not finite become null, as JSON has none."""
        with _archive_errors(self.summary_file):
            _write_durably(self.summary_file, json.dumps(_as_json(summary), indent=2, allow_nan=False) + "\n")

    def read_summary(self) -> dict[str, Any] | None:
        """`summary.json`, or None where none was written yet; `ArchiveError` if it is damaged."""
        if not self.summary_file.exists():
            return None
        try:
            summary = json.loads(_read_text(self.summary_file))
        except ValueError as error:
            raise ArchiveError(
                f"{self.summary_file} is damaged: {error}. Move it away; `rlhp resume {self.directory}` writes it anew."
            ) from error
        if not isinstance(summary, dict):
            raise ArchiveError(f"{self.summary_file} holds a {type(summary).__name__}, expected an object of keys.")
        return summary

    def _fill(self, config_yaml: str, command: str, question: str | None, expect: str | None) -> None:
        for folder in (self.code_dir, self.tensorboard_dir, self.checkpoints_dir, self.videos_dir):
            folder.mkdir()
        self.append_command(command)
        if question or expect:
            parts = [("Question", question), ("What is expected", expect)]
            text = "\n".join(f"# {title}\n\n{body.strip()}\n" for title, body in parts if body)
            _write_durably(self.question_file, text)
        _write_durably(self.versions_file, _installed_versions())
        _write_durably(self.hardware_file, json.dumps(_hardware(), indent=2) + "\n")
        _archive_code(self.code_dir, runs_dir=self.directory.parent)
        _write_durably(self.config_file, config_yaml)

    @property
    def config_file(self) -> Path:
        return self.directory / "config.yaml"

    @property
    def command_file(self) -> Path:
        return self.directory / "command.txt"

    @property
    def question_file(self) -> Path:
        return self.directory / "question.md"

    @property
    def code_dir(self) -> Path:
        return self.directory / "code"

    @property
    def versions_file(self) -> Path:
        return self.directory / "versions.txt"

    @property
    def hardware_file(self) -> Path:
        return self.directory / "hardware.json"

    @property
    def console_file(self) -> Path:
        return self.directory / "console.log"

    @property
    def metrics_file(self) -> Path:
        return self.directory / "metrics.csv"

    @property
    def tensorboard_dir(self) -> Path:
        return self.directory / "tensorboard"

    @property
    def checkpoints_dir(self) -> Path:
        return self.directory / "checkpoints"

    @property
    def preferences_file(self) -> Path:
        return self.directory / "preferences.sqlite"

    @property
    def videos_dir(self) -> Path:
        return self.directory / "videos"

    @property
    def learning_curve_file(self) -> Path:
        return self.directory / "learning_curve.png"

    @property
    def summary_file(self) -> Path:
        return self.directory / "summary.json"


# --- writing -----------------------------------------------------------------------------------------------------


def _plain_name(name: str) -> str:
    if name != name.strip() or name in ("", ".", "..") or re.search(r"[/\\\x00-\x1f]", name):
        raise ConfigError(
            f"name={name!r} is not a plain directory name. Use output_dir for the place, name for the run."
        )
    return name


def _require_disk_space(directory: Path) -> None:
    existing = next(folder for folder in (directory, *directory.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if free < MIN_FREE_BYTES:
        raise ArchiveError(
            f"No disk space for the run: {existing} has {free / 1e6:,.0f} MB free, "
            f"at least {MIN_FREE_BYTES / 1e6:,.0f} MB are needed. Free some, or set output_dir to another disk."
        )


def _make_run_directory(output_dir: Path, stem: str, *, unique: bool) -> Path:
    """Claims the directory in one step, so that two runs started at once never share one."""
    for _ in range(20):
        directory = output_dir / (f"{stem}-{secrets.token_hex(3)}" if unique else stem)
        try:
            directory.mkdir()
        except FileExistsError as error:
            if not unique:
                raise ConfigError(
                    f"The run directory {directory} exists and is left alone. "
                    f"Choose another name=, drop it to get a unique one, or continue it: rlhp resume {directory}"
                ) from error
        else:
            return directory
    raise ArchiveError(f"No free name was found for a run {stem}-?????? in {output_dir}.")


def _cannot_write(path: Path, error: OSError) -> ArchiveError:
    return ArchiveError(
        f"Cannot write the run archive at {error.filename or path}: {error.strerror or error}. "
        "Check permissions and free space, or set output_dir to another place."
    )


@contextlib.contextmanager
def _archive_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _cannot_write(path, error) from error


def _write_durably(path: Path, text: str) -> None:
    """The file holds either its old content or all of the new one, whenever the power fails."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(text.encode(errors="backslashreplace"))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArchiveError(f"Cannot read {path}: {error}") from error


def _as_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item"):  # a NumPy scalar
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


# --- where it came from -------------------------------------------------------------------------------------------


def mask_secrets(command: str) -> str:
    """`command` with `***` for the values of keys such as `token`, `api_key`, `password`, `secret`, and URL logins."""
    try:
        words = shlex.split(command)
    except ValueError:  # an open quote: no words to be had, the pattern alone must do
        return _mask_inside(command)
    masked = list(words)
    for i, word in enumerate(words):
        key, equals, _ = word.partition("=")
        if equals and _SECRET_KEY.fullmatch(key):
            masked[i] = f"{key}={_MASK}"
        elif i and words[i - 1].startswith("-") and _SECRET_KEY.fullmatch(words[i - 1]) and not word.startswith("--"):
            masked[i] = _MASK
        else:
            masked[i] = _mask_inside(word)
    if masked == words:
        return command
    return " ".join(word if _MASK in word and " " not in word else shlex.quote(word) for word in masked)


def _mask_inside(text: str) -> str:
    return _URL_LOGIN.sub(f"{_MASK}@", _SECRET_PAIR.sub(rf"\g<1>{_MASK}", text))


def _installed_versions() -> str:
    found = {f"{dist.metadata['Name']}=={dist.version}" for dist in metadata.distributions() if dist.metadata["Name"]}
    return "\n".join([f"# Python {platform.python_version()}", *sorted(found, key=str.lower)]) + "\n"


def _hardware() -> dict[str, Any]:
    """What speed depends on. The host's name is left out on purpose."""
    import psutil  # type: ignore[import-untyped]  # it ships no types

    affinity = getattr(os, "sched_getaffinity", None)
    return {
        "cpu_model": _cpu_model(),
        "cores_physical": psutil.cpu_count(logical=False),
        "cores_logical": psutil.cpu_count(),
        "cores_usable": len(affinity(0)) if affinity else psutil.cpu_count(),
        "ram_bytes": psutil.virtual_memory().total,
        "gpus": (_output_of("nvidia-smi", "--query-gpu=name", "--format=csv,noheader") or "").splitlines(),
        "platform": platform.platform(),
    }


def _cpu_model() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return _output_of("sysctl", "-n", "machdep.cpu.brand_string") or platform.processor() or platform.machine()


def _output_of(*command: str) -> str | None:
    """Standard output of a short program, None where there is none or it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def _archive_code(code_dir: Path, runs_dir: Path, package: Path | None = None) -> None:
    """Files the commit of the rlhp_ray checkout and the difference to it, untracked files included.

    An installed copy counts as no checkout, also when its site-packages lie in somebody's repository.
    """
    package = package or Path(__file__).resolve().parents[1]
    top = _git(package, "rev-parse", "--show-toplevel")
    if top is None or Path(os.fsdecode(top.rstrip(b"\n"))) != package.parent:
        _write_durably(code_dir / "commit.txt", "not a git checkout\n")
        return
    root = package.parent
    commit = _git(root, "rev-parse", "--verify", "HEAD")
    if commit is None:
        _write_durably(code_dir / "commit.txt", "not a git checkout with commits\n")
        return
    changed = _file_list(_git(root, "diff", "--name-only", "--no-renames", "-z", "HEAD"))
    untracked = _file_list(_git(root, "ls-files", "--others", "--exclude-standard", "-z"))
    in_diff = [file for file in changed if not _SECRET_FILE.search(Path(file).name)]
    copied = [file for file in untracked if _belongs_in_diff(root / file, runs_dir)][:MAX_UNTRACKED_FILES]
    options = ("--binary", "--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/")
    with (code_dir / "diff.patch").open("wb") as patch:
        if in_diff:
            quoted = [f":(literal){file}" for file in in_diff]
            patch.write(_git(root, "diff", "--no-renames", *options, "HEAD", "--", *quoted) or b"")
        for file in copied:
            patch.write(_git(root, "diff", *options, "--no-index", "--", os.devnull, file) or b"")
    left_out = sorted({*changed, *untracked} - {*in_diff, *copied})
    notes = [f"left out of diff.patch: {file}" for file in left_out[:100]]
    more = [f"left out of diff.patch: {len(left_out) - 100} more files"] if len(left_out) > 100 else []
    _write_durably(code_dir / "commit.txt", "\n".join([commit.decode().strip(), *notes, *more]) + "\n")


def _belongs_in_diff(file: Path, runs_dir: Path) -> bool:
    """Source, not data: no other run, nothing large, nothing that looks like a key."""
    small = file.is_symlink() or (file.is_file() and file.stat().st_size <= MAX_UNTRACKED_FILE_BYTES)
    return small and runs_dir not in file.parents and not _SECRET_FILE.search(file.name)


def _file_list(output: bytes | None) -> list[str]:
    return [os.fsdecode(file) for file in (output or b"").split(b"\0") if file]


def _git(folder: Path, *arguments: str) -> bytes | None:
    """Output of a git command, None if it fails; exit code 1 of a diff means "differs"."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=60, env=environment)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 or (arguments[0] == "diff" and done.returncode == 1) else None


# --- the console --------------------------------------------------------------------------------------------------


class ConsoleLog:
    """While the context lasts, what Python writes to standard error also goes to `file`, line by line.

    A line that a progress display rewrote with carriage returns appears once, in its last state, without colours. The
    file ends with a note at `max_bytes`. Losing the log (a full disk) never stops the run. An exception that leaves the
    context is written to the file. Not seen: output that bypasses `sys.stderr` (C libraries, other processes).
    """

    NOTE = "[console.log ends here: its limit of {:,} bytes is reached; the run goes on]\n"

    def __init__(self, file: Path, max_bytes: int = MAX_CONSOLE_BYTES) -> None:
        self._path = file
        self._note = self.NOTE.format(max_bytes).encode()
        self._room_bytes = max_bytes - len(self._note)
        self._lock = threading.RLock()
        self._line = ""
        self._rewriting = False
        self._file: BinaryIO | None = None
        self._terminal: TextIO = sys.stderr

    def __enter__(self) -> Self:
        self._terminal = sys.stderr
        with _archive_errors(self._path):
            self._file = self._path.open("ab")
            size = self._file.tell()
            with self._path.open("rb") as written:
                written.seek(max(0, size - len(self._note)))
                if written.read(len(self._note) + 1) == self._note:  # an earlier command of this run filled it
                    self._stop()
        self._room_bytes -= size
        sys.stderr = self  # type: ignore[assignment]  # a duck-typed stream: everything else goes to the terminal
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if sys.stderr is self:  # type: ignore[comparison-overlap]  # set in __enter__
            sys.stderr = self._terminal
        with self._lock:
            self._end_line()
            if error is not None:
                self._log("".join(traceback.format_exception(error)))
                self._end_line()
            self._stop()

    def write(self, text: str) -> int:
        """Writes to the terminal first, then to the log."""
        written = self._terminal.write(text)
        with self._lock:
            self._log(text)
        return written

    def writelines(self, lines: Iterator[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self._terminal.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._terminal, name)

    def _log(self, text: str) -> None:
        if self._file is None:
            return
        for part in re.split(r"([\r\n])", text):
            if part == "\n":
                self._end_line(always=True)
            elif part == "\r":
                self._rewriting = True
            elif part:
                kept = "" if self._rewriting else self._line
                self._line = (kept + part)[:MAX_CONSOLE_LINE_CHARS]
                self._rewriting = False

    def _end_line(self, always: bool = False) -> None:
        line, self._line, self._rewriting = _TERMINAL_CODES.sub("", self._line), "", False
        if self._file is None or not (line or always):
            return
        data = (line.rstrip() + "\n").encode(errors="backslashreplace")
        full = len(data) > self._room_bytes
        try:
            self._file.write(self._note if full else data)
            self._file.flush()
        except OSError as error:
            self._stop()
            self._terminal.write(f"{self._path} is no longer written: {error.strerror or error}\n")
            return
        self._room_bytes -= len(data)
        if full:
            self._stop()

    def _stop(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()


# --- cost ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cost:
    """What a run used: seconds on the wall, hours of processors, and `money` in the currency of the given price."""

    wall_seconds: float
    cpu_hours: float
    gpu_hours: float = 0.0
    price_per_cpu_hour: float = 0.0

    @property
    def money(self) -> float:
        return self.cpu_hours * self.price_per_cpu_hour


def cpu_seconds_of_process_tree() -> float:
    """User and system CPU seconds, since their start, of this process and its living descendants.

    Ask before workers are stopped: an ended process no longer counts. Ray's workers descend from the raylet, so they
    are counted from the driver that started Ray, not from within an actor.
    """
    import psutil  # type: ignore[import-untyped]  # it ships no types

    this = psutil.Process()
    seconds = 0.0
    for process in (this, *this.children(recursive=True)):
        with contextlib.suppress(psutil.Error):  # it ended meanwhile
            times = process.cpu_times()
            seconds += times.user + times.system
    return seconds
