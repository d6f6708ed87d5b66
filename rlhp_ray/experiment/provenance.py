"""Where a run came from: the command, the versions, the machine and the code, without anybody's secrets.

Environment variables are never read, values of secret-looking keys are masked in commands, secret-looking files are
left out of the diff.
"""

import contextlib
import os
import platform
import re
import shlex
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from rlhp_ray.experiment.archive_files import write_durably

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
_MASK = "***"


def mask_secrets(command: str) -> str:
    """`command` with `***` for the values of keys such as `token`, `api_key`, `password`, `secret`, and URL logins."""
    try:
        words = shlex.split(command)
    except ValueError:  # an open quote: no words to be had, the pattern alone must do
        return mask_text(command)
    masked = list(words)
    for i, word in enumerate(words):
        key, equals, _ = word.partition("=")
        if equals and _SECRET_KEY.fullmatch(key):
            masked[i] = f"{key}={_MASK}"
        elif i and words[i - 1].startswith("-") and _SECRET_KEY.fullmatch(words[i - 1]) and not word.startswith("--"):
            masked[i] = _MASK
        else:
            masked[i] = mask_text(word)
    if masked == words:
        return command
    return " ".join(word if _MASK in word and " " not in word else shlex.quote(word) for word in masked)


def mask_text(text: str) -> str:
    """As `mask_secrets`, for prose, whose words and quotes stay as they are."""
    return _URL_LOGIN.sub(f"{_MASK}@", _SECRET_PAIR.sub(rf"\g<1>{_MASK}", text))


def installed_versions() -> str:
    """Python and every installed package, one a line, as pip would pin it."""
    found = {f"{dist.metadata['Name']}=={dist.version}" for dist in metadata.distributions() if dist.metadata["Name"]}
    return "\n".join([f"# Python {platform.python_version()}", *sorted(found, key=str.lower)]) + "\n"


def hardware() -> dict[str, Any]:
    """What speed depends on. The host's name is left out on purpose."""
    import psutil

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


def archive_code(code_dir: Path, runs_dir: Path, package: Path | None = None) -> None:
    """Files the commit of the rlhp_ray checkout and the difference to it, untracked files included.

    An installed copy counts as no checkout, also when its site-packages lie in somebody's repository.
    """
    package = package or Path(__file__).resolve().parents[1]
    top = _git(package, "rev-parse", "--show-toplevel")
    if top is None or Path(os.fsdecode(top.rstrip(b"\n"))) != package.parent:
        write_durably(code_dir / "commit.txt", "not a git checkout\n")
        return
    root = package.parent
    commit = _git(root, "rev-parse", "--verify", "HEAD")
    if commit is None:
        write_durably(code_dir / "commit.txt", "not a git checkout with commits\n")
        return
    changed = _file_list(_git(root, "diff", "--name-only", "--no-renames", "-z", "HEAD"))
    untracked = _file_list(_git(root, "ls-files", "--others", "--exclude-standard", "-z"))
    in_diff = [file for file in changed if not _SECRET_FILE.search(Path(file).name)]
    copied = [file for file in untracked if _belongs_in_diff(root / file, root, runs_dir)][:MAX_UNTRACKED_FILES]
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
    write_durably(code_dir / "commit.txt", "\n".join([commit.decode().strip(), *notes, *more]) + "\n")


def _belongs_in_diff(file: Path, root: Path, runs_dir: Path) -> bool:
    """Source, not data: no other run, nothing large, nothing that looks like a key.

    A checkout inside `runs_dir`, as `rlhp runs reproduce` makes one, is source all the same.
    """
    small = file.is_symlink() or (file.is_file() and file.stat().st_size <= MAX_UNTRACKED_FILE_BYTES)
    is_run = runs_dir in file.parents and runs_dir not in root.parents
    return small and not is_run and not _SECRET_FILE.search(file.name)


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
