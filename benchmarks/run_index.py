"""How long the index of many archived runs takes to list and to filter.

    .venv/bin/python benchmarks/run_index.py [--runs 2000] [--repeats 5]

Makes the runs in a temporary directory, with the files that a finished run leaves (but checkpoints, videos and
preferences, which the index never opens), each with a question of its own, a quarter of them in sweeps of 25. Each
figure is that of a whole command, start of the interpreter included. Aim: every median below 1 s with 2,000 runs.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rlhp_ray.config.loading import dump_config, load_config, override_config
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.experiment.provenance import hardware, installed_versions

COMMANDS: tuple[list[str], ...] = (
    [],
    ["--status", "done", "--env", "dot", "--sort", "return", "--reverse"],
    ["--where", "labels>=300", "--where", "age<30d"],
    ["--where", "training.rllib.lr<0.001"],
    ["--html"],
)
RUNS_PER_SWEEP = 25
START = datetime(2026, 1, 1, tzinfo=UTC)


def make_runs(directory: Path, count: int) -> None:
    """Archive `count` runs, no two of them alike."""
    shipped = load_config("moving_dot")
    small_files = {"versions.txt": installed_versions(), "hardware.json": json.dumps(hardware(), indent=2)}
    for number in range(count):
        in_sweep = number % 4 == 0
        folder = directory / f"sweep-{number // (4 * RUNS_PER_SWEEP)}" if in_sweep else directory
        run = folder / f"run-{number}"
        (run / "code").mkdir(parents=True)
        if in_sweep:
            (folder / "sweep.yaml").write_text("format_version: 1\n")
        question = f"question=Does variant {number} learn from half the labels?"
        overrides = [f"seed={number}", f"training.rllib.lr={0.0001 * (number % 50 + 1):.4f}", question]
        config = override_config(shipped, overrides)
        (run / "config.yaml").write_text(dump_config(config))
        (run / "summary.json").write_text(json.dumps(summary(config, number), indent=2))
        (run / "command.txt").write_text(
            f"{START + timedelta(hours=number):%Y-%m-%dT%H:%M:%SZ}  rlhp train moving_dot\n"
        )
        (run / "metrics.csv").write_text("env_steps,labels\n" + "1000,20\n" * 100)
        (run / "code" / "commit.txt").write_text("0" * 40 + "\n")
        for name, text in small_files.items():
            (run / name).write_text(text)


def summary(config: RunConfig, number: int) -> dict:
    """A result, as a run would have it."""
    return {
        "env": config.env.id,
        "algorithm": config.training.algorithm,
        "seed": config.seed,
        "mode": config.mode,
        "reward_source": config.reward_source,
        "env_steps": 100_000,
        "labels": 100 * (number % 7),
        "queries": 100 * (number % 7),
        "true_return_mean": 90.0 - number % 91,
        "true_return_std": 38.0,
        "eval_episodes": 1000,
        "cpu_hours": 0.01,
        "gpu_hours": 0.0,
        "cost": 0.0,
        "status": "failed" if number % 10 == 9 else "done",
    }


def seconds(command: list[str]) -> float:
    """Of one call of the command line."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "rlhp_ray.cli", *command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return time.perf_counter() - started


def main() -> None:
    """Make the runs, and print a line a command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make_runs(Path(folder), arguments.runs)
        print(f"{arguments.runs:,} runs, {arguments.repeats} repeats\nmedian s   most s  command", flush=True)
        for options in COMMANDS:
            found = [seconds(["runs", folder, *options]) for _ in range(arguments.repeats)]
            shown = " ".join(["rlhp runs DIR", *options])
            print(f"{statistics.median(found):8.2f} {max(found):8.2f}  {shown}", flush=True)


if __name__ == "__main__":
    main()
