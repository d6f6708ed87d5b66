"""Does a run hold out? An hour of MovingDot, a random process of it killed every two minutes, its memory watched.

    make soak                    # 60 minutes
    make soak ARGS="--minutes 6"
    .venv/bin/python benchmarks/soak.py [--minutes 60] [--seed 0] [--output DIRECTORY]

The run is async, with its env runner, reward learner and preference buffer in processes of their own. A short run
before it measures the speed, from which the budget of env steps follows; the soak ends when the run has spent it. Of
ten kills, in random order, three each hit the env runner, the learner and the buffer, and one the command with all its
processes, which `rlhp resume` follows. Every five seconds the memory of every process is noted, Ray's own among them.

It fails (exit code 1) unless, at the end: env steps and queries are exactly the budgets; every answer that was seen on
disk before a kill is there, and each once; `failures` counts what was killed, all of it recovered; and memory is flat.
Flat: leaving out the first two minutes of each process, the growth of a kind of process is at most 20 MB, or a tenth
of what it takes, an hour (in less than an hour: in the whole time). It is the median slope (Theil-Sen) within the
lives of its processes, weighted by how long they lived, and the slope over all of them from the first to the last.

Writes `soak.json` and `soak.png` beside the run, and prints the table that `docs/reliability.md` shows.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from killable_run import ROLES, TRIAL, KillableRun
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from process_memory import Life, Memory, MemoryLog, memory_of_kinds

from rlhp_ray.experiment.provenance import hardware

DRIVER = "driver"
KILLS = [*ROLES] * 3 + [DRIVER]  # of ten
KILL_SECONDS, SAMPLE_SECONDS, PROGRESS_SECONDS = 120.0, 5.0, 30.0
BATCH_STEPS, LABELS_PER_MINUTE, SPEED_STEPS = 4_000, 20, 100_000
SETTINGS = [
    "mode=async",
    "env.num_env_runners=1",  # with one, no batch is ever collected in part, so that the budget is met to the step
    f"training.rllib.train_batch_size_per_learner={BATCH_STEPS}",
    "evaluation.episodes=200",
]


@dataclass(frozen=True)
class Kill:
    """What was killed, and when."""

    kind: str
    minutes: float
    at_env_steps: int


class Killer:
    """Kills at random, and knows what answers were on disk by then.

    Args:
        run: to disturb.
        log: of its processes.
        seed: of the order.
        last_env_steps: nothing is killed after these, so that each loss is noticed while the run goes on.
    """

    def __init__(self, run: KillableRun, log: MemoryLog, seed: int, last_env_steps: int) -> None:
        self.kills: list[Kill] = []
        self.acknowledged: set[tuple] = set()
        self._run, self._log, self._last_env_steps = run, log, last_env_steps
        self._order = self._in_order(random.Random(seed))
        self._next = time.monotonic() + KILL_SECONDS

    @staticmethod
    def _in_order(rng: random.Random) -> Iterator[str]:
        while True:
            yield from rng.sample(KILLS, len(KILLS))

    @property
    def by_kind(self) -> Counter[str]:
        """How often each was killed."""
        return Counter(kill.kind for kill in self.kills)

    @property
    def is_whole(self) -> bool:
        """Whether the run has got over every kill so far, and has come further than where it was at the last one."""
        counts = {kind: self._run.failure(kind) or {"recovered": 0} for kind in self.by_kind}
        is_recovered = all(counts[kind]["recovered"] >= killed for kind, killed in self.by_kind.items())
        return is_recovered and self._run.env_steps() > max((kill.at_env_steps for kill in self.kills), default=0)

    def kill_if_due(self) -> None:
        """Every two minutes, and only what is whole."""
        if time.monotonic() < self._next or not self.is_whole or self._run.env_steps() > self._last_env_steps:
            return
        env_steps = self._run.env_steps()
        kind = next(self._order)
        self.acknowledged |= set(self._run.labels())
        print(f"{self._log.minutes:6.1f} min: SIGKILL to the {kind.replace('_', ' ')}", file=sys.stderr, flush=True)
        if kind == DRIVER:
            self._run.kill()
            self._run.resume()
        else:
            self._run.kill(ROLES[kind])
        self.kills.append(Kill(kind, self._log.minutes, env_steps))
        self._next = time.monotonic() + KILL_SECONDS


def speed(folder: Path) -> float:
    """Env steps/s of the same run, undisturbed."""
    print(f"measuring the speed on {SPEED_STEPS:,} env steps ...", file=sys.stderr, flush=True)
    run = KillableRun(folder, [*SETTINGS, f"training.env_steps={SPEED_STEPS}"])
    try:
        while not run.has_ended:
            time.sleep(SAMPLE_SECONDS)
        summary = run.summary()
    finally:
        run.end()
    if summary["status"] != "done":
        sys.exit(f"{run.directory} ended as {summary['status']} before anything was killed; see its console.log")
    return summary["env_steps_per_second"]


@dataclass(frozen=True)
class Budget:
    """Of the run."""

    env_steps: int
    queries: int
    checkpoint_interval_env_steps: int

    @classmethod
    def of(cls, minutes: float, env_steps_per_second: float) -> "Budget":
        """What is spent in so many minutes, in whole batches; a checkpoint a minute."""
        batches_per_minute = 60 * env_steps_per_second / BATCH_STEPS
        return cls(
            env_steps=round(minutes * batches_per_minute) * BATCH_STEPS,
            queries=round(minutes * LABELS_PER_MINUTE),
            checkpoint_interval_env_steps=max(1, round(batches_per_minute)) * BATCH_STEPS,
        )

    @property
    def overrides(self) -> list[str]:
        """Of the configuration."""
        return [
            f"training.env_steps={self.env_steps}",
            f"training.checkpoint_interval_env_steps={self.checkpoint_interval_env_steps}",
            f"preferences.labels={self.queries}",
            "preferences.schedule=constant",
            "preferences.initial_fraction=0.1",
        ]


def soak(run: KillableRun, budget: Budget, seed: int) -> tuple[Killer, MemoryLog]:
    """Watch and kill until the run has ended."""
    log, shown = MemoryLog(), -PROGRESS_SECONDS
    killer = Killer(run, log, seed, budget.env_steps - 2 * budget.checkpoint_interval_env_steps)
    while not run.has_ended:
        log.look(run)
        killer.kill_if_due()
        if 60 * log.minutes >= shown + PROGRESS_SECONDS:
            shown, killed = 60 * log.minutes, ", ".join(f"{kind} {n}" for kind, n in killer.by_kind.items())
            done = f"{run.env_steps():,} of {budget.env_steps:,} env steps"
            print(f"{log.minutes:6.1f} min: {done}; killed: {killed or 'none yet'}", file=sys.stderr, flush=True)
        time.sleep(SAMPLE_SECONDS)
    return killer, log


def findings(summary: dict, labels: list[tuple], budget: Budget, killer: Killer, memory: list[Memory]) -> list[str]:
    """What is wrong; none is what is wanted."""
    numbers = [label[0] for label in labels]
    counted = {kind: (entry["count"], entry["recovered"]) for kind, entry in summary["failures"].items()}
    wanted = {kind: (killed, killed) for kind, killed in killer.by_kind.items()}
    checks = {
        f"status: got {summary['status']}; expected done": summary["status"] == "done",
        f"env steps: got {summary['env_steps']:,.0f}; expected {budget.env_steps:,}": summary["env_steps"]
        == budget.env_steps,
        f"queries: got {summary['queries']:.0f}; expected {budget.queries}": summary["queries"] == budget.queries,
        f"answers lost: got {len(killer.acknowledged - set(labels))}; expected 0": killer.acknowledged <= set(labels),
        f"answers on disk: got {len(numbers)}, of {len(set(numbers))} queries; expected {budget.queries} of as many": (
            len(numbers) == len(set(numbers)) == budget.queries
        ),
        f"failures (count, recovered): got {counted}; expected {wanted}": counted == wanted,
        "kills: got none; expected some. Let it go on for longer.": bool(killer.kills),
    }
    unjudged = {*ROLES.values(), TRIAL, "command"} - {found.kind for found in memory}
    checks[f"memory of {sorted(unjudged)}: none of them lived long enough to judge"] = not unjudged
    checks |= {
        f"memory of {found.kind} grows by {found.growth_within_mb_per_hour:.1f} MB an hour within its processes, by "
        f"{found.growth_over_mb_per_hour:.1f} over all; expected at most {found.allowed_mb_per_hour:.1f}": found.is_flat
        for found in memory
    }
    return [text for text, is_right in checks.items() if not is_right]


def table(killer: Killer, summary: dict, memory: list[Memory]) -> str:
    """Markdown: what was killed, then what was watched."""
    lines = ["| killed | times | counted | recovered | seconds lost |", "| --- | --- | --- | --- | --- |"]
    for kind, killed in killer.by_kind.items():
        entry = summary["failures"].get(kind, {"count": 0, "recovered": 0, "seconds_lost": 0.0})
        lines.append(f"| {kind} | {killed} | {entry['count']} | {entry['recovered']} | {entry['seconds_lost']:.1f} |")
    lines += ["", "| process | of them | watched, min | median, MB | most | growth, MB/h | over all | allowed |"]
    lines += ["| --- | --- | --- | --- | --- | --- | --- | --- |"]
    lines += [
        f"| {found.kind} | {found.processes} | {found.watched_minutes:.1f} | {found.median_mb:.0f} | "
        f"{found.most_mb:.0f} | {found.growth_within_mb_per_hour:+.1f} | {found.growth_over_mb_per_hour:+.1f} | "
        f"{found.allowed_mb_per_hour:.0f} |"
        for found in memory
    ]
    return "\n".join(lines)


def draw(file: Path, lives: list[Life], memory: list[Memory], kills: list[Kill]) -> None:
    """Memory over time, one colour a kind; a line where something was killed."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for index, found in enumerate(memory):
        for number, life in enumerate(life for life in lives if life.kind == found.kind):
            label = found.kind if number == 0 else None
            axes.plot(life.minutes, life.megabytes, color=f"C{index}", linewidth=1, label=label)
    for kill in kills:
        axes.axvline(kill.minutes, color="0.8", linewidth=0.8, zorder=0)
    axes.set(xlabel="minutes (grey: a kill)", ylabel="memory of its own, MB", ylim=(0, None))
    axes.legend(fontsize="x-small", loc="upper left", bbox_to_anchor=(1, 1))
    figure.savefig(file, dpi=100)


def main() -> None:
    """Soak, write, print; exit code 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0, help="of the run, and of the order of kills")
    parser.add_argument("--output", type=Path, help="new directory; by default runs/soak-DATE-TIME")
    arguments = parser.parse_args()
    output = (arguments.output or Path("runs") / f"soak-{datetime.now():%Y%m%d-%H%M%S}").resolve()
    output.mkdir(parents=True)
    budget = Budget.of(arguments.minutes, speed(output / "speed"))
    run = KillableRun(output, [*SETTINGS, *budget.overrides, f"seed={arguments.seed}"])
    try:
        killer, log = soak(run, budget, arguments.seed)
        summary, labels = run.summary(), run.labels()
    finally:
        run.end()
    memory = memory_of_kinds(log.lives, log.minutes)
    wrong = findings(summary, labels, budget, killer, memory)
    kept = {
        "minutes": log.minutes, "budget": asdict(budget), "kills": [asdict(kill) for kill in killer.kills],
        "summary": summary, "memory": [asdict(found) for found in memory], "findings": wrong, "hardware": hardware(),
        "lives": [asdict(life) for life in log.lives],
    }  # fmt: skip
    (output / "soak.json").write_text(json.dumps(kept) + "\n")
    draw(output / "soak.png", log.lives, memory, killer.kills)
    print(f"{log.minutes:.1f} minutes, {budget.env_steps:,} env steps, {budget.queries} queries, ", end="")
    print(f"{len(killer.acknowledged)} answers seen on disk before a kill\n\n{table(killer, summary, memory)}\n")
    print("\n".join(f"wrong: {text}" for text in wrong) or "all as expected")
    print(output)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
