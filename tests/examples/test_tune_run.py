"""The example of a `tune.run` of one's own, as its docstring starts it, smaller."""

import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "tune_run.py"


def test_every_seed_is_trained_from_its_labels(tmp_path: Path) -> None:
    sizes = ["--seeds", "2", "--env-steps", "8000", "--labels", "12", "--output", str(tmp_path)]
    done = subprocess.run([sys.executable, EXAMPLE, *sizes], capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.strip().splitlines()[-2:]
    assert [line.partition("  true")[0] for line in lines] == ["seed 0  labels 12", "seed 1  labels 12"]
    returns = {float(line.rpartition(" ")[2]) for line in lines}
    assert len(returns) == 2 and all(-2000 < value < 0 for value in returns)
