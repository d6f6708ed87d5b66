"""What the faults that one machine can have cost a run: each several times, at random moments, on a short MovingDot.

    .venv/bin/python benchmarks/faults.py [--faults NAME ...] [--repeats 5] [--seed 0] [--rows FAULTS.jsonl]

Prints a row a repeat while it runs, and a Markdown table at the end, which `docs/reliability.md` shows. `--rows` keeps
the rows in a file that a later call adds to; the table is then made of all of them. Faults:

- `learner`, `buffer`, `runner` (each in both modes): SIGKILL to that process; the run goes on by itself.
- `driver`: SIGKILL to the command and all its processes; `rlhp resume`.
- `disk-full`: everything is taken of a file system of 260 MB, in memory, which only root can mount; room is made again,
  and `rlhp resume`.
- `memory`: something else takes the machine's memory until Ray's monitor kills a process of the run, and lets go of it
  then. The monitor is told to kill once 2.5 GiB more are taken than before the run, so that nothing else is in need.
- `clock-forward`, `clock-back`: the time of day jumps by a day, for all processes of the run and Ray's. It takes the
  library of `pip install libfaketime==3.0.1` (Debian's 0.9.10 makes Python's `time.sleep` fail).
- `storage-stalls`: the database is locked for 5 s, as by a disk that does not answer.
- `nan`: the environment returns a NaN reward; the run is to end.

Times: `detected` is from the fault until the run noticed it (where it goes on by itself), or until the command ended;
`resumed` until the first iteration after that in which it had what it lost. Both are read off files that are written
once an iteration. Labels that were acknowledged before the fault and are not in the database at the end are lost; query
numbers that are in it twice are doubled, and so are those beyond the budget.
"""

import argparse
import contextlib
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import psutil
from fault_rows import FaultRows, Row, Times
from killable_run import ROLES, TIMEOUT_SECONDS, TRIAL, KillableRun

ENV_STEPS, BATCH_STEPS, LABELS = 40_000, 2_000, 100
SHORT = [
    f"training.env_steps={ENV_STEPS}",
    "training.checkpoint_interval_env_steps=4000",
    f"training.rllib.train_batch_size_per_learner={BATCH_STEPS}",
    f"preferences.labels={LABELS}",
    "evaluation.episodes=200",
]
MOMENTS = (0.1, 0.6)  # of the env steps: later ones come when the last labels are asked already
STALL_SECONDS, DAY_SECONDS = 5.0, 86_400
KILLING_SECONDS = 0.5  # the monitor kills several, one after the other
SPARE_BYTES, MOST_BYTES, BLOCK_BYTES = 5 * 2**29, 5 * 2**30, 128 * 2**20  # until Ray kills; at most taken; at once

NAN_ENVIRONMENT = """
import gymnasium, math
from rlhp_ray.envs.moving_dot import MovingDotEnv

class NanDot(MovingDotEnv):
    taken = 0

    def step(self, action):
        NanDot.taken += 1
        observation, reward, *rest = super().step(action)
        return observation, math.nan if NanDot.taken > {steps} else reward, *rest

gymnasium.register("NanDot-v0", entry_point="nan_dot:NanDot")
"""


def lose_process(kind: str) -> Callable[[KillableRun], Times]:
    """A fault that the run gets over by itself."""

    def inject(run: KillableRun) -> Times:
        before, began = len(run.rows()), time.monotonic()
        run.kill(ROLES[kind])
        return _replaced(run, kind, before, began)

    return inject


def _replaced(run: KillableRun, kind: str, rows_before: int, began: float) -> Times:
    if not run.wait_for(lambda: run.failure(kind) is not None):
        return Times()
    resumed, failure = time.monotonic() - began, run.failure(kind)
    assert failure is not None
    rows = run.rows()[rows_before - 1 :]
    taken = int(rows[-1]["env_steps"]) - int(rows[0]["env_steps"])
    # of a batch that was under way and is gone; iterations that had no env runner collected none in the first place
    idle = sum(one["env_steps"] == other["env_steps"] for one, other in pairwise(rows))
    lost = BATCH_STEPS if idle else max(0, (len(rows) - 1) * BATCH_STEPS - taken)
    return Times(max(0.0, resumed - failure["seconds_lost"]), resumed, lost)


def _resumed(run: KillableRun, began: float, detected: float) -> Times:
    before = run.env_steps()
    checkpoint = json.loads((run.directory / "checkpoints/last/preference_training/counts.json").read_text())
    run.resume()
    run.wait_for(lambda: run.env_steps() > before)
    return Times(detected, time.monotonic() - began, before - checkpoint["env_steps"])


def lose_driver(run: KillableRun) -> Times:
    """All processes at once."""
    began = time.monotonic()
    run.kill()
    return _resumed(run, began, 0.0)


def fill_disk(run: KillableRun) -> Times:
    """Until nothing more can be written; then there is room again."""
    filler, began = run.directory.parent / "filler", time.monotonic()
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(65536))
    run.process.wait(TIMEOUT_SECONDS)
    detected = time.monotonic() - began
    filler.unlink()
    return _resumed(run, began, detected)


def stall_storage(run: KillableRun) -> Times:
    """Nobody can write into the database for some seconds."""
    began, before = time.monotonic(), run.env_steps()
    with contextlib.closing(sqlite3.connect(run.directory / "preferences.sqlite", timeout=60)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(STALL_SECONDS)
        connection.execute("ROLLBACK")
    run.wait_for(lambda: run.env_steps() > before)
    return Times(None, time.monotonic() - began, 0)


def use_up_memory(run: KillableRun) -> Times:
    """Take it until one of the run's actors is gone."""
    kinds = {process: kind for kind, role in ROLES.items() for process in run.actors(role)}
    kinds |= dict.fromkeys(run.actors(TRIAL), TRIAL)
    blocks: list[bytearray] = []
    before = len(run.rows())
    while all(_lives(process) for process in kinds):
        if len(blocks) * BLOCK_BYTES < MOST_BYTES:
            blocks.append(bytearray(b"x") * BLOCK_BYTES)
        if run.has_ended:
            sys.exit(f"Ray killed nothing of {run.directory}")
    began = time.monotonic()
    blocks.clear()
    time.sleep(KILLING_SECONDS)
    lost = [kind for process, kind in kinds.items() if not _lives(process)]
    print(f"Ray's monitor killed: {', '.join(lost)}", file=sys.stderr)
    if TRIAL in lost:
        run.process.wait(TIMEOUT_SECONDS)
        return _resumed(run, began, time.monotonic() - began)
    return _replaced(run, lost[0], before, began)


def _lives(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def jump(seconds: int) -> Callable[[KillableRun], Times]:
    """A fault of the clock; the time counts until the next iteration has ended."""

    def inject(run: KillableRun) -> Times:
        began, before = time.monotonic(), run.env_steps()
        clock_file(run.directory.parent).write_text(f"{seconds:+d}\n")
        run.wait_for(lambda: run.env_steps() > before)
        return Times(None, time.monotonic() - began, 0)

    return inject


def clock_file(place: Path) -> Path:
    """How far the clock of a run there is off, as libfaketime reads it."""
    return place / "clock"


def end_by_nan(run: KillableRun) -> Times:
    """It comes up by itself, at the step that the environment was made with; when, nobody sees from here."""
    run.process.wait(TIMEOUT_SECONDS)
    if not (run.directory / "not_finite" / "traceback.txt").exists():
        sys.exit(f"{run.directory} has no state dump")
    return Times()


FAULTS: dict[str, tuple[tuple[str, ...], tuple[str, ...], Callable[[KillableRun], Times]]] = {
    "learner": (("sync", "async"), (), lose_process("reward_learner")),
    "buffer": (("sync", "async"), (), lose_process("preference_buffer")),
    "runner": (("sync", "async"), ("env.num_env_runners=1",), lose_process("env_runner")),
    "driver": (("sync", "async"), (), lose_driver),
    "disk-full": (("sync",), (), fill_disk),
    "memory": (("sync", "async"), (), use_up_memory),
    "clock-forward": (("sync", "async"), (), jump(DAY_SECONDS)),
    "clock-back": (("sync", "async"), (), jump(-DAY_SECONDS)),
    "storage-stalls": (("async",), (), stall_storage),
    "nan": (("sync",), ("env.id=nan_dot:NanDot-v0",), end_by_nan),
}


@contextlib.contextmanager
def place_of(fault: str) -> Iterator[Path]:
    """A directory for a run; of `disk-full`, on a small file system of its own."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if fault != "disk-full":
            yield place
            return
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=260m", "tmpfs", folder], check=True)
        try:
            yield place
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def environment_of(fault: str, place: Path, at_env_steps: int) -> dict[str, str]:
    """Variables that the run is started with."""
    if fault == "nan":
        (place / "nan_dot.py").write_text(NAN_ENVIRONMENT.format(steps=at_env_steps))
        return {"PYTHONPATH": os.pathsep.join([str(place), os.environ.get("PYTHONPATH", "")])}
    if fault == "memory":
        memory = psutil.virtual_memory()
        return {"RAY_memory_usage_threshold": str(1 - (memory.available - SPARE_BYTES) / memory.total)}
    if fault.startswith("clock-"):
        clock_file(place).write_text("+0\n")
        return {
            "LD_PRELOAD": str(files("libfaketime") / "vendor/libfaketime/src/libfaketime.so.1"),
            "FAKETIME_TIMESTAMP_FILE": str(clock_file(place)),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # a clock that is set leaves that one alone
        }
    return {}


def disturbed(fault: str, mode: str, seed: int, undisturbed_return: float | None) -> Row:
    """One run with one fault, at a moment that the seed decides."""
    _, overrides, inject = FAULTS[fault]
    rng = random.Random(f"{fault} {mode} {seed}")
    at_env_steps = round(rng.uniform(*MOMENTS) * ENV_STEPS)
    with place_of(fault) as place:
        settings = [*SHORT, f"mode={mode}", f"seed={seed}", *overrides]
        run = KillableRun(place, settings, environment_of(fault, place, at_env_steps))
        try:
            run.wait_for(lambda: run.env_steps() >= min(at_env_steps, BATCH_STEPS if fault == "nan" else at_env_steps))
            time.sleep(0 if fault == "nan" else rng.uniform(0, 0.3))
            acknowledged = run.labels()
            times = inject(run)
            summary, labels = run.summary(), run.labels()
        finally:
            run.end()
    return Row.of(fault, mode, seed, at_env_steps, times, acknowledged, labels, LABELS, summary, undisturbed_return)


def undisturbed(fault: str, mode: str, seed: int) -> float:
    """Final true return of the same run without a fault."""
    runners = [override for override in FAULTS[fault][1] if override.startswith("env.num_env_runners")]
    with tempfile.TemporaryDirectory() as folder:
        run = KillableRun(Path(folder), [*SHORT, f"mode={mode}", f"seed={seed}", *runners])
        return run.summary()["true_return_mean"]


def main() -> None:
    """Disturb, print a row each, then the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0, help="of the first repeat; the next ones count on")
    parser.add_argument("--rows", type=Path, help="file to keep the rows in, and to take earlier ones from")
    arguments = parser.parse_args()
    if any(fault.startswith("clock-") for fault in arguments.faults) and find_spec("libfaketime") is None:
        parser.error("clock-forward and clock-back need libfaketime: pip install libfaketime==3.0.1")
    rows = FaultRows(arguments.rows)
    returns = {returns_key(row.fault, row.mode, row.seed): row.undisturbed_return for row in rows.all}
    cases = [(fault, mode) for fault in arguments.faults for mode in FAULTS[fault][0]]
    done = {(row.fault, row.mode, row.seed) for row in rows.all}
    for seed in range(arguments.seed, arguments.seed + arguments.repeats):
        for fault, mode in cases:
            if (fault, mode, seed) in done:
                continue
            key = returns_key(fault, mode, seed)
            if fault != "nan" and returns.get(key) is None:
                returns[key] = undisturbed(fault, mode, seed)
            rows.add(disturbed(fault, mode, seed, returns.get(key)))
    print(rows.table())


def returns_key(fault: str, mode: str, seed: int) -> tuple[str, int, bool, bool]:
    """Faults of one key have the same undisturbed run."""
    return mode, seed, fault == "runner", fault == "nan"


if __name__ == "__main__":
    main()
