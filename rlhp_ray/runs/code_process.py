"""Training with the code of a checkout, in a process of its own with the same interpreter and packages."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rlhp_ray.errors import ArchiveError

_WHERE = "import rlhp_ray; print(rlhp_ray.__file__)"


def train_with_code(checkout: Path, config_file: Path, overrides: Sequence[str]) -> int:
    """`rlhp train` as it is in the checkout; its exit code. What it says goes to standard error.

    The process works inside the checkout: Ray puts the working directory of the driver before everything else in the
    search path of its workers, and there must not be other code. Relative entries of PYTHONPATH stay what they were.

    Raises:
        ArchiveError: the package that would be imported is not that of the checkout.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(checkout), *_search_path()])}
    python = [sys.executable, "-P"]
    found = subprocess.run(
        [*python, "-c", _WHERE], cwd=checkout, env=environment, capture_output=True, text=True, timeout=60
    )
    package = Path(found.stdout.strip() or ".").resolve().parent
    if package != (checkout / "rlhp_ray").resolve():
        raise ArchiveError(
            f"the code in {checkout} would not be used, but that in {package} {found.stderr.strip()}; nothing was "
            "started. See what your interpreter puts before PYTHONPATH."
        )
    command = [*python, "-m", "rlhp_ray.cli", "train", str(config_file), *overrides]
    process = subprocess.Popen(command, cwd=checkout, env=environment, stdout=sys.stderr.fileno())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # the terminal has sent it to the training too, which now writes a checkpoint
            continue


def _search_path() -> list[str]:
    given = os.environ.get("PYTHONPATH")
    return [os.path.abspath(entry) for entry in given.split(os.pathsep)] if given else []
