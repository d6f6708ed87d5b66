"""The archived code of a run, checked out into a directory of its own; the repository it comes from is not touched.

The checkout is a clone that borrows the objects of the repository (`git clone --shared`): commits that no branch holds
any more are found too, and neither a worktree nor a branch is registered there.
"""

import os
import shutil
import subprocess
from pathlib import Path

import rlhp_ray
from rlhp_ray.errors import ArchiveError
from rlhp_ray.runs.code_state import CodeState

_GIT_SECONDS = 600
_NO_HOOKS = ("-c", f"core.hooksPath={os.devnull}", "-c", "advice.detachedHead=false")


def find_repository(code: CodeState, run: Path, root: Path | None = None) -> Path:
    """The checkout of this package, if it has the commit of the run.

    Args:
        code: of the run.
        run: directory of it, for messages.
        root: of the checkout; None is the one that this package lies in.

    Raises:
        ArchiveError: the run has no commit, this package is no checkout, or the commit is not in it.
    """
    if code.commit is None:
        raise ArchiveError(
            f"{run} was made by an installed copy of rlhp_ray, not by a git checkout: its code was not archived. "
            f"Install the versions in {run / 'versions.txt'}, and train anew: rlhp train {run / 'config.yaml'} name=NEW"
        )
    root = root or Path(rlhp_ray.__file__).resolve().parents[1]
    top = _git(root, "rev-parse", "--show-toplevel")
    if top.returncode != 0 or Path(top.stdout.strip()).resolve() != root.resolve():
        raise ArchiveError(
            f"{root} is no git checkout of rlhp_ray; {run} needs its commit {code.commit}. Reproduce it with the rlhp "
            "of a checkout (git clone, make install)."
        )
    if _git(root, "cat-file", "-e", f"{code.commit}^{{commit}}").returncode != 0:
        raise ArchiveError(
            f"the commit {code.commit} of {run} is not in {root}. Fetch it first, from the repository that the run was "
            f"made in: git -C {root} fetch REPOSITORY {code.commit}"
        )
    return root


def check_out(code: CodeState, repository: Path, target: Path) -> None:
    """Make `target` hold the code of a run: its commit, with its difference applied.

    Raises:
        ArchiveError: `target` exists, or git fails; what was made is removed again.
    """
    assert code.commit is not None
    if os.path.lexists(target):
        raise ArchiveError(f"{target} exists and is left alone; choose another name=")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        clone = ("clone", "--quiet", "--shared", "--no-checkout", str(repository), str(target))
        _require(_git(repository, *clone), f"{repository} cannot be cloned to {target}")
        _require(_git(target, "checkout", "--quiet", "--detach", code.commit), f"{code.commit} cannot be checked out")
        if code.has_changes:
            apply = ("apply", "--whitespace=nowarn", str(code.patch_file.resolve()))
            _require(_git(target, *apply), f"{code.patch_file} does not apply to its commit {code.commit}")
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def _require(done: subprocess.CompletedProcess[str], what: str) -> None:
    if done.returncode != 0:
        told = " ".join(done.stderr.split()) or f"git ended with {done.returncode}"
        raise ArchiveError(f"{what}: {told}. The archived code cannot be had, so nothing was started.")


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1"}
    command = ["git", *_NO_HOOKS, "-C", str(folder), *arguments]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", env=environment, timeout=_GIT_SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ArchiveError(f"git cannot be run: {error}. Install git, or put it on PATH.") from error
