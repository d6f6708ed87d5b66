"""This project beside the `imitation` library: the same tasks, env steps, labels and seeds, in turn on one machine.

    .venv/bin/python benchmarks/vs_imitation.py [--tasks pendulum,cartpole,acrobot] [--seeds 0-4] [--steps 50000]
        [--labels 200] [--output DIRECTORY]

Makes a virtual environment with `imitation==1.0.1` in the output directory, if it is not there, and for every task and
seed trains first with imitation (`imitation_run.py` says with which settings), then with this project's shipped
configuration. Returns are those of greedy episodes in the environment as it is registered, the true reward; intervals
are 95 % (Student's t; Welch's for the difference). Env steps are those that the policy is trained on. Results are
appended to `runs.csv` as they come, and a second call only runs what is missing there.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from rlhp_ray.statistics.mean_interval import mean_interval

PACKAGES = ["imitation==1.0.1", "torch==2.13.0"]
EPISODES = 100
FIELDS = ("task", "library", "seed", "true_return", "env_steps", "train_seconds")


@dataclass(frozen=True)
class Task:
    """What imitation needs to be told of a task; this project's configuration has the same name.

    Args:
        env_id: of Gymnasium.
        horizon: steps of an episode whose ends are hidden, as the configuration has it.
        penalty: for an end of the game, as the configuration has it.
        clip_steps: of imitation's fragments.
        teacher: whose reward the synthetic teacher judges by, as the configuration has it.
    """

    env_id: str
    horizon: int
    penalty: float
    clip_steps: int
    teacher: str = "environment"


TASKS = {
    "pendulum": Task("Pendulum-v1", 200, 0, 100),
    "cartpole": Task("CartPole-v1", 500, 10, 100, "balance"),
    "acrobot": Task("Acrobot-v1", 500, 0, 100, "tip_height"),
}


def make_environment(directory: Path) -> Path:
    """The interpreter of a virtual environment with imitation, made if it is not there."""
    python = directory / "bin" / "python"
    done = directory / "installed"
    if not done.exists():
        print(f"installing {' '.join(PACKAGES)} into {directory}", flush=True)
        venv.create(directory, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        done.touch()
    return python


def run(command: list[str | Path]) -> str:
    """Standard output of a command, which must succeed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}  # as this project sets it for itself
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"{' '.join(str(part) for part in command)}\n{done.stderr[-4000:]}")
    return done.stdout.strip().splitlines()[-1]


def train_imitation(python: Path, task: Task, seed: int, steps: int, labels: int) -> dict:
    """One training with imitation; its result."""
    script = Path(__file__).with_name("imitation_run.py")
    options = {
        "horizon": task.horizon, "penalty": task.penalty, "clip-steps": task.clip_steps,
        "steps": steps, "labels": labels, "seed": seed, "episodes": EPISODES, "teacher": task.teacher,
    }  # fmt: skip
    return json.loads(run([python, script, task.env_id, *(f"--{name}={value}" for name, value in options.items())]))


def train_ours(name: str, seed: int, steps: int, labels: int) -> dict:
    """One training with the shipped configuration; its summary."""
    with tempfile.TemporaryDirectory() as folder:
        overrides = [f"seed={seed}", f"training.env_steps={steps}", f"preferences.labels={labels}"]
        command = [sys.executable, "-m", "rlhp_ray.cli", "train", name, f"output_dir={folder}", *overrides]
        directory = run([*command, f"evaluation.episodes={EPISODES}"])
        return json.loads((Path(directory) / "summary.json").read_text())


def rows_of(path: Path) -> list[dict]:
    """What was measured so far."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def append(path: Path, row: dict) -> None:
    """One more row, and the header before the first."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, extrasaction="ignore")
        if new:
            writer.writeheader()
        writer.writerow(row)


def interval(values: np.ndarray) -> str:
    """Mean and its 95 % interval."""
    low, high = mean_interval(values.tolist())
    return f"{values.mean():.1f} ({low:.1f} to {high:.1f})"


def table(rows: list[dict]) -> str:
    """Markdown: a row for each task."""
    lines = [
        "| task | seeds | return, imitation | return, rlhp_ray | difference | env steps/s, imitation | "
        "env steps/s, rlhp_ray | ratio (lowest) |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for task in dict.fromkeys(row["task"] for row in rows):
        of = {
            library: sorted((r for r in rows if (r["task"], r["library"]) == (task, library)), key=lambda r: r["seed"])
            for library in ("imitation", "rlhp_ray")
        }
        returns = {library: np.array([float(row["true_return"]) for row in found]) for library, found in of.items()}
        speeds = {
            library: np.array([float(row["env_steps"]) / float(row["train_seconds"]) for row in found])
            for library, found in of.items()
        }
        theirs, ours = returns["imitation"], returns["rlhp_ray"]
        ratios = speeds["rlhp_ray"] / speeds["imitation"]
        difference = "-"
        if len(ours) > 1:
            low, high = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval()
            difference = f"{ours.mean() - theirs.mean():+.1f} ({low:+.1f} to {high:+.1f})"
        lines.append(
            f"| {task} | {len(ours)} | {interval(theirs)} | {interval(ours)} | {difference} | "
            f"{speeds['imitation'].mean():,.0f} | {speeds['rlhp_ray'].mean():,.0f} | "
            f"{ratios.mean():.1f} ({ratios.min():.1f}) |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--seeds", default="0-4", help="first-last")
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--labels", type=int, default=200)
    parser.add_argument("--output", type=Path, default=Path("vs_imitation"))
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    runs_csv = options.output / "runs.csv"
    first, _, last = options.seeds.partition("-")
    for name in options.tasks.split(","):
        for seed in range(int(first), int(last or first) + 1):
            done = {(row["task"], row["library"], row["seed"]) for row in rows_of(runs_csv)}
            for library in ("imitation", "rlhp_ray"):
                if (name, library, str(seed)) in done:
                    continue
                if library == "imitation":
                    python = make_environment(options.output.resolve() / "venv")
                    result = train_imitation(python, TASKS[name], seed, options.steps, options.labels)
                else:
                    result = train_ours(name, seed, options.steps, options.labels)
                row = {"task": name, "library": library, "seed": seed, "true_return": result["true_return_mean"]}
                append(runs_csv, row | {key: result[key] for key in ("env_steps", "train_seconds")})
                print(
                    f"{name} seed {seed} {library}: return {result['true_return_mean']:.1f}, {result['env_steps']} env "
                    f"steps in {result['train_seconds']:.0f} s",
                    flush=True,
                )
    text = table(rows_of(runs_csv))
    (options.output / "table.md").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
