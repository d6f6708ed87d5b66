"""What a label buys: greedy true return against the number of labels, for tasks, query strategies, budgets and seeds.

    .venv/bin/python benchmarks/label_efficiency.py [CONFIG ...] [--strategies uniform,disagreement]
        [--budgets 75,150,300] [--seeds 0-4] [--output DIRECTORY] [k=v ...]

Every combination is one trial of Tune, in synchronous mode, so that its result does not depend on what runs beside it;
two trials run at a time on two cores. The same agent trained on the true reward is the ceiling. Results are appended to
`trials.csv` as they come, and a second call only runs what is missing there. It ends with `table.md` and one
`TASK.png` for each task. Intervals of means are Student's t at 95 %.
"""

import argparse
import csv
import itertools
import logging
import os
import tempfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

os.environ.update(
    OMP_NUM_THREADS="1", RAY_USAGE_STATS_ENABLED="0", RAY_AIR_NEW_OUTPUT="0", TUNE_DISABLE_AUTO_CALLBACK_LOGGERS="1"
)

import numpy as np
import ray
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from ray import tune
from ray.tune.experiment import Trial

from rlhp_ray import metric_keys as keys
from rlhp_ray.clips.pair_selection import STRATEGIES
from rlhp_ray.config.loading import load_config
from rlhp_ray.config.validation import validate_run
from rlhp_ray.policy.algorithm_config import build_algorithm_config
from rlhp_ray.statistics.mean_interval import mean_interval

CEILING = "true_reward"
CPUS_PER_TRIAL = 2  # its own and its reward learner's, which take turns in sync mode
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#777777", "#B8A800")
MARKERS = "osDv^<>PX"


@dataclass(frozen=True)
class Cell:
    """One trial: `labels` is 0 for the ceiling."""

    task: str
    strategy: str
    labels: int
    seed: int

    @property
    def overrides(self) -> list[str]:
        """What this trial changes of the task's configuration."""
        if self.strategy == CEILING:
            return [f"seed={self.seed}", "mode=sync", "reward_source=true_reward"]
        chosen = [f"preferences.selection={self.strategy}", f"preferences.labels={self.labels}"]
        return [f"seed={self.seed}", "mode=sync", *chosen]


class TrialsFile(tune.Callback):
    """Appends a row for each trial that ended well.

    Args:
        path: CSV, made with its header where it does not exist.
        cells: by name of their experiment.
    """

    def __init__(self, path: Path, cells: dict[str, Cell]) -> None:
        self._path, self._cells, self._total, self._ended = path, cells, len(cells), 0

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: object) -> None:
        """Write the row and say how far it is."""
        assert trial.storage is not None
        cell = self._cells[trial.storage.experiment_dir_name]
        result = trial.last_result[keys.METRICS][keys.EVALUATION_RETURN]
        append(self._path, cell, result)
        self._ended += 1
        what = f"{cell.task} {cell.strategy} {cell.labels} labels seed {cell.seed}"
        print(f"{self._ended}/{self._total} {what}: {result:.1f}", flush=True)


def append(path: Path, cell: Cell, result: float) -> None:
    """One more row of the CSV."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow([*(field.name for field in fields(Cell)), "true_return"])
        writer.writerow([*asdict(cell).values(), f"{result:.4f}"])


def read(path: Path) -> dict[Cell, float]:
    """Returns by trial; empty where there is no file yet."""
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        Cell(row["task"], row["strategy"], int(row["labels"]), int(row["seed"])): float(row["true_return"])
        for row in rows
    }


def run(cells: list[Cell], overrides: list[str], trials_csv: Path) -> None:
    """Train every cell through Tune, as many at a time as there are cores."""
    experiments, by_name = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for cell in cells:
            config = load_config(cell.task, [*cell.overrides, *overrides])
            validate_run(config)
            algorithm = build_algorithm_config(config)
            name = f"{Path(cell.task).stem}-{cell.strategy}-{cell.labels}-{cell.seed}"
            by_name[name] = cell
            assert algorithm.algo_class is not None
            experiments.append(
                tune.Experiment(name, algorithm.algo_class, config=algorithm.to_dict(), storage_path=folder)
            )
        logging.getLogger("ray").setLevel(logging.ERROR)
        ray.init(num_cpus=CPUS_PER_TRIAL * (os.cpu_count() or 1), log_to_driver=False, logging_level=logging.ERROR)
        tune.run_experiments(experiments, verbose=0, callbacks=[TrialsFile(trials_csv, by_name)])
        ray.shutdown()


def mean_and_half_width(values: list[float]) -> tuple[float, float]:
    """Mean and half the width of its 95 % interval (Student's t); NaN for a single value."""
    low, high = mean_interval(values)
    return float(np.mean(values)), (high - low) / 2


def grouped(results: dict[Cell, float], task: str) -> dict[tuple[str, int], list[float]]:
    """Returns of a task over seeds, by strategy and labels."""
    ordered = sorted((cell for cell in results if cell.task == task), key=lambda cell: (cell.strategy, cell.labels))
    groups: dict[tuple[str, int], list[float]] = {}
    for cell in ordered:
        groups.setdefault((cell.strategy, cell.labels), []).append(results[cell])
    return groups


def table(groups: dict[tuple[str, int], list[float]], task: str) -> str:
    """Markdown: a row for each strategy, a column for each budget, the ceiling first."""
    budgets = sorted({labels for strategy, labels in groups if strategy != CEILING})
    lines = [f"## {task}", "", f"| strategy | {' | '.join(f'{labels} labels' for labels in budgets)} |"]
    lines.append("|" + " --- |" * (len(budgets) + 1))
    if (CEILING, 0) in groups:
        lines.append(f"| true reward, no labels | {' | '.join([described(groups[CEILING, 0])] * len(budgets))} |")
    for strategy in (name for name in STRATEGIES if any(name == asked for asked, _ in groups)):
        values = [groups.get((strategy, labels)) for labels in budgets]
        lines.append(f"| {strategy} | {' | '.join(described(value) if value else '-' for value in values)} |")
    return "\n".join(lines) + "\n"


def described(values: list[float]) -> str:
    """Mean, half width of its interval, and the worst seed."""
    mean, half = mean_and_half_width(values)
    return f"{mean:.1f} ± {half:.1f} (worst of {len(values)}: {min(values):.1f})"


def draw(groups: dict[tuple[str, int], list[float]], task: str, path: Path) -> None:
    """Return against labels with intervals; the ceiling as a band."""
    figure = Figure(figsize=(8, 5), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    if (CEILING, 0) in groups:
        mean, half = mean_and_half_width(groups[CEILING, 0])
        axes.axhline(mean, color="#555555", linestyle="--", label="true reward")
        axes.axhspan(mean - half, mean + half, color="#555555", alpha=0.15, linewidth=0)
    shown = [name for name in STRATEGIES if any(name == asked for asked, _ in groups)]
    for index, strategy in enumerate(shown):
        budgets = sorted(labels for asked, labels in groups if asked == strategy)
        means, halves = zip(*(mean_and_half_width(groups[strategy, labels]) for labels in budgets), strict=True)
        nudge = 1 + 0.02 * (index - len(shown) / 2)  # side by side rather than on top of each other
        style: dict[str, Any] = {"color": COLOURS[index % len(COLOURS)], "marker": MARKERS[index % len(MARKERS)]}
        axes.errorbar([n * nudge for n in budgets], means, halves, label=strategy, capsize=2, linewidth=1, **style)
    axes.set_xscale("log")
    ticks = sorted({labels for strategy, labels in groups if strategy != CEILING})
    axes.set_xticks(ticks, [str(labels) for labels in ticks], minor=False)
    axes.minorticks_off()
    axes.set(title=task, xlabel="labels", ylabel="greedy true return")
    axes.legend(fontsize=8)
    figure.savefig(path)


def numbers(text: str) -> list[int]:
    """`0-4` or `1,5,7`."""
    if "-" in text:
        first, last = text.split("-")
        return list(range(int(first), int(last) + 1))
    return [int(part) for part in text.split(",")]


def main() -> None:
    """Run what is missing, then write the table and the plots."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("arguments", nargs="*", metavar="CONFIG|k=v", help="default: moving_dot")
    parser.add_argument("--strategies", default=",".join(STRATEGIES), help="default: all nine")
    parser.add_argument("--budgets", default="75,150,300")
    parser.add_argument("--seeds", default="0-4")
    parser.add_argument("--output", type=Path, default=Path("label_efficiency"))
    options = parser.parse_intermixed_args()
    overrides = [argument for argument in options.arguments if "=" in argument]
    tasks = [argument for argument in options.arguments if "=" not in argument] or ["moving_dot"]
    options.output.mkdir(parents=True, exist_ok=True)
    trials_csv = options.output / "trials.csv"
    wanted = [Cell(task, CEILING, 0, seed) for task in tasks for seed in numbers(options.seeds)]
    grid = itertools.product(tasks, options.strategies.split(","), numbers(options.budgets), numbers(options.seeds))
    wanted += [Cell(*cell) for cell in grid]
    done = read(trials_csv)
    missing = [cell for cell in wanted if cell not in done]
    if missing:
        run(missing, overrides, trials_csv)
    results = read(trials_csv)
    tables = []
    for task in tasks:
        groups = grouped(results, task)
        tables.append(table(groups, task))
        draw(groups, task, options.output / f"{Path(task).stem}.png")
    (options.output / "table.md").write_text("\n".join(tables))
    print("\n".join(tables))


if __name__ == "__main__":
    main()
