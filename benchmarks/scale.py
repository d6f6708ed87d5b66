"""Does one buffer serve 1,000 env runners? A trial's preference side under the traffic of many, planned and measured.

    .venv/bin/python benchmarks/scale.py [--runners 1,10,100,1000] [--seconds 60] [--output SCALE.json]

A trial's own loop (`PreferenceTraining`, `PreferenceLoop`) drives real buffer and learner actors through Ray: it
harvests clips, sends them, asks labels round after round, and publishes every version to all env runners. Only these
are simulated: at most four processes answer RLlib's calls in the place of N, with clips recorded beforehand; and the
policy learns in no time, which is the worst case for what must keep up with it. A batch takes as long to collect as
env runners take at their usual speed, and is N times that of one runner, up to what a trial can hold. Clips are those
of MovingDot and of Pong.

Then the buffer's process is stopped for six iterations, so that it takes in nothing.

Prints four tables for each; `docs/scale.md` explains them, and what is extrapolated. `--output` keeps all figures.
Aim: a thousand env runners do not slow the policy by what they send: sending costs no more an env step than with one,
no call waits, not even where the buffer stands still, and the buffer's memory stays within its bound.
"""

import argparse
import json
import os
import pickle
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", RAY_USAGE_STATS_ENABLED="0")

import psutil
import ray
import torch
from generated_runners import GeneratedRunners
from process_memory import MemoryWatch, private_mb
from ray.actor import ActorHandle
from scale_table import ALL, HARVEST, PUBLISH, SEND, Row, policy_table, size_table, traffic_table, waiting_table
from stopwatch import Stopwatch

from rlhp_ray import metric_keys as keys
from rlhp_ray.actors.placement import create_preference_buffer, create_reward_learner, start_preference_buffer
from rlhp_ray.actors.preference_loop import MAX_CLIP_BATCHES_IN_FLIGHT
from rlhp_ray.actors.process_usage import keep_freed_memory
from rlhp_ray.actors.trial_actors import TrialActors
from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.fresh_clips import FRESH_CLIPS, REFERENCE_CLIPS
from rlhp_ray.clips.pair_selection import STRATEGIES
from rlhp_ray.config.loading import load_config
from rlhp_ray.config.schema import PreferencesConfig, RunConfig
from rlhp_ray.envs.registry import describe_env
from rlhp_ray.experiment.provenance import hardware
from rlhp_ray.policy import preference_training
from rlhp_ray.policy.preference_training import PreferenceTraining
from rlhp_ray.policy.runner_group import harvest_runners
from rlhp_ray.preferences.pair_collector import RECENT_CLIPS
from rlhp_ray.reward.ensemble import EnsembleSpec
from rlhp_ray.reward.run_ensemble import ensemble_spec

INITIAL_LABELS, LABELS_PER_ROUND = 50, 10
OBJECT_STORE_BYTES = 3 * 10**9  # four batches in flight, one in the harvest
ENTRY_BYTES, OBJECT_BYTES = 1_000, 6_000  # of a clip beside its frames: in the pool, and as an object of five arrays
FIRST_USE_MB = 16  # of libraries, once: SQLite's pages, NumPy's and Python's arenas
ENSEMBLE_MB = 8  # the reward, and PyTorch's first use, in a buffer that asks the ensemble which pairs to choose
STOPPED_ITERATIONS = 2 + MAX_CLIP_BATCHES_IN_FLIGHT  # of which two are dropped


@dataclass(frozen=True)
class Task:
    """What one env runner of a shipped configuration does.

    Args:
        config: name of it.
        env_steps_per_second: of a whole run with one env runner, as published: the policy learns as fast.
        batch_clips: that one env runner records in a batch.
        most_clips: in the batch of all env runners: beyond it each gives less.
    """

    config: str
    env_steps_per_second: float
    batch_clips: int
    most_clips: int


TASKS = (
    Task("moving_dot", env_steps_per_second=8_728, batch_clips=160, most_clips=4_000),  # README.md: 4,000 steps a batch
    Task("pong", env_steps_per_second=1_369, batch_clips=41, most_clips=1_000),  # docs/results/pong.md: 1,024 steps
)


class SomeLabelsEachRound:
    """A schedule whose demand does not grow with the number of env runners."""

    initial_labels = INITIAL_LABELS

    def __init__(self, training: PreferenceTraining) -> None:
        self._training = training

    def due(self, env_steps: int) -> int:
        """Some more than were asked so far."""
        return self._training.queries + LABELS_PER_ROUND


class RoundClock:
    """When the labels of each round were on disk, and its version in force everywhere."""

    def __init__(self, training: PreferenceTraining) -> None:
        assert training.loop is not None
        self.on_disk: list[float] = []
        self.in_force: list[float] = []
        self._loop, self._started = training.loop, 0.0
        self._start, self._apply = training.loop.start_round, training._apply
        training.loop.start_round = self._timed_start  # type: ignore[method-assign,assignment]  # of this one
        training._apply = self._timed_apply  # type: ignore[method-assign]  # likewise

    def _timed_start(self, *arguments: Any) -> None:
        self._started = started = time.perf_counter()
        self._start(*arguments)
        under_way = self._loop._round
        assert under_way is not None
        under_way.report.future().add_done_callback(lambda _: self.on_disk.append(time.perf_counter() - started))

    def _timed_apply(self, published: Any, wait: bool = True) -> None:
        self._apply(published, wait)
        self.in_force.append(time.perf_counter() - self._started)


def process_of(actor: ActorHandle) -> psutil.Process:
    """Where an actor lives."""
    return psutil.Process(ray.get(actor.__ray_call__.remote(lambda _: os.getpid())))


def cpu_seconds(processes: list[psutil.Process]) -> float:
    """User and system time of all of them so far."""
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))


@contextmanager
def trial_actors(config: RunConfig, spec: EnsembleSpec, directory: Path) -> Iterator[TrialActors]:
    """Buffer and learner as a trial makes them; their processes end with this."""
    actors = TrialActors(
        "scale",
        create_preference_buffer(config, spec, directory, "PreferenceBuffer:scale"),
        create_reward_learner(config, spec, "RewardLearner:scale", num_cpus=1, num_gpus=0),
        lambda lost: start_preference_buffer(config, spec, directory, f"PreferenceBuffer:scale:{lost + 1}"),
        lambda lost: create_reward_learner(config, spec, f"RewardLearner:scale:{lost + 1}", num_cpus=1, num_gpus=0),
    )
    try:
        yield actors
    finally:
        ray.kill(actors.buffer)
        ray.kill(actors.learner)


def fill_pool(buffer: ActorHandle, runners: GeneratedRunners, pool_clips: int) -> list[Clip]:
    """As it is after some time of training; gives the last clips."""
    filled = 0
    while filled < pool_clips:
        clips = harvest_runners(runners, 0)[0].clips  # type: ignore[arg-type]
        ray.get(buffer.add_clips.remote("scale", clips))
        filled += len(clips)
    return clips


def bound_mb(empty_mb: float, preferences: PreferencesConfig, pool_mb: float, clip: Clip, batch_clips: int) -> float:
    """What the buffer is to stay within: empty + first use + pool + 3 x what a round unpacks + a batch's objects.

    A round samples clips, stacks them and packs the stacks to send them. Frames of a batch lie in Ray's object store.
    """
    unpacked = RECENT_CLIPS + FRESH_CLIPS + REFERENCE_CLIPS + 2 * INITIAL_LABELS
    frames = clip.observations.nbytes + clip.actions.nbytes + clip.teacher_rewards.nbytes
    beside = ENTRY_BYTES * preferences.pool_clips + OBJECT_BYTES * (batch_clips + unpacked)
    first_use_mb = FIRST_USE_MB + (ENSEMBLE_MB if STRATEGIES[preferences.selection].needs_returns else 0)
    return empty_mb + first_use_mb + pool_mb + (3 * unpacked * frames + beside) / 1e6


def measure(task: Task, runners: int, seconds: float, directory: Path) -> Row:
    """Drive the actors of one trial for so many seconds."""
    overrides = ["mode=async", f"training.env_steps={10**12}", "reward.round_interval_env_steps=null"]
    config = load_config(task.config, overrides)  # without an interval, a round is always under way
    spec = ensemble_spec(config, describe_env(config.env.id, frame_skip=config.env.frame_skip))
    each = max(1, min(task.batch_clips, task.most_clips // runners))
    clip_steps, batch_clips = config.preferences.clip_steps, each * runners
    generated = GeneratedRunners(config, runners, each)
    with trial_actors(config, spec, directory) as actors:
        processes = {"buffer": [process_of(actors.buffer)], "learner": [process_of(actors.learner)]}
        processes |= {"runners": [process_of(process) for process in generated.processes], "trial": [psutil.Process()]}
        empty_mb = private_mb(processes["buffer"][0])
        memory = MemoryWatch(processes["buffer"][0])
        clips = fill_pool(actors.buffer, generated, config.preferences.pool_clips)
        training = PreferenceTraining(config, spec, generated, batch_clips * clip_steps, actors)  # type: ignore[arg-type]
        training._schedule = SomeLabelsEachRound(training)  # type: ignore[assignment]
        training.collect_initial(lambda published: None)
        sampling_seconds = batch_clips * clip_steps / (runners * task.env_steps_per_second)
        empty_call_s = generated.empty_call_seconds()
        driven = drive(training, sampling_seconds, seconds, processes)
        driven |= drive_stopped(training, processes["buffer"][0])
        training.settle()
        most_mb, metrics = memory.stop(), training.metrics
    for process in generated.processes:
        ray.kill(process)
    return Row(
        task=task.config,
        runners=runners,
        processes=len(generated.processes),
        batch_clips=batch_clips,
        batch_env_steps=batch_clips * clip_steps,
        offered_env_steps_per_second=runners * task.env_steps_per_second,
        policy_learns_s=batch_clips * clip_steps / task.env_steps_per_second,
        empty_call_s=empty_call_s,
        fit_s=metrics[keys.TIME_FITTING],
        clip_bytes_per_env_step=len(pickle.dumps(clips, protocol=5)) / (len(clips) * clip_steps),
        version_bytes=len(pickle.dumps(training.published, protocol=5)),
        buffer_mb=(empty_mb, most_mb),
        buffer_bound_mb=bound_mb(
            empty_mb, config.preferences, metrics[keys.CLIPS_POOL_MEGABYTES], clips[0], batch_clips
        ),
        pool_mb=metrics[keys.CLIPS_POOL_MEGABYTES],
        **driven,
    )


def drive(
    training: PreferenceTraining, sampling_seconds: float, seconds: float, processes: dict[str, list[psutil.Process]]
) -> dict[str, Any]:
    """Iteration after iteration; the figures of `Row` that are seen meanwhile."""
    assert training.loop is not None
    watch, clock = Stopwatch(), RoundClock(training)
    watch.watch(training.loop, "send_clips", SEND)
    watch.watch(training, "after_iteration", ALL)
    with watched_functions(watch):
        sent, dropped, env_steps = training.loop.clips_sent, training.loop.clips_dropped, training.env_steps
        before = {kind: cpu_seconds(of_kind) for kind, of_kind in processes.items()}
        started, iterations = time.perf_counter(), 0
        while time.perf_counter() < started + seconds:
            training.before_iteration()
            time.sleep(sampling_seconds)
            training.after_iteration()
            iterations += 1
        spent = time.perf_counter() - started
    versions = max(1, len(clock.in_force))
    times = dict.fromkeys((HARVEST, SEND, ALL), iterations) | {PUBLISH: versions}
    return {
        "iterations": iterations,
        "env_steps_per_second": (training.env_steps - env_steps) / spent,
        "accepted_clips_per_second": (training.loop.clips_sent - sent) / spent,
        "dropped_clips_per_second": (training.loop.clips_dropped - dropped) / spent,
        "stage_s": {stage: watch.seconds.get(stage, 0.0) / number for stage, number in times.items()},
        "stage_cpu_s": {stage: watch.cpu_seconds.get(stage, 0.0) / number for stage, number in times.items()},
        "longest_send_s": watch.longest[SEND],
        "on_disk_s": clock.on_disk,
        "in_force_s": clock.in_force,
        "cores": {kind: (cpu_seconds(of_kind) - before[kind]) / spent for kind, of_kind in processes.items()},
    }


def drive_stopped(training: PreferenceTraining, buffer: psutil.Process) -> dict[str, float]:
    """What sending takes where the buffer takes nothing in, and how many clips are dropped then."""
    assert training.loop is not None
    watch, dropped = Stopwatch(), training.loop.clips_dropped
    watch.watch(training.loop, "send_clips", SEND)
    buffer.suspend()
    try:
        for _ in range(STOPPED_ITERATIONS):
            training.before_iteration()
            training.after_iteration()
    finally:
        buffer.resume()
    return {"stopped_longest_send_s": watch.longest[SEND], "stopped_dropped": training.loop.clips_dropped - dropped}


@contextmanager
def watched_functions(watch: Stopwatch) -> Iterator[None]:
    """Count the trial's calls to all env runners, by what they are for."""
    stages = {"harvest_runners": HARVEST, "publish_to_runners": PUBLISH}
    unwatched = {name: getattr(preference_training, name) for name in stages}
    for name, stage in stages.items():
        watch.watch(preference_training, name, stage)
    try:
        yield
    finally:
        for name, function in unwatched.items():
            setattr(preference_training, name, function)


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runners", default="1,10,100,1000", help="the first is what the others are compared with")
    parser.add_argument("--seconds", type=float, default=60.0, help="of traffic, for each number of env runners")
    parser.add_argument("--output", type=Path, help="JSON file of all figures")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=OBJECT_STORE_BYTES,
    )
    rows: list[Row] = []
    for task in TASKS:
        for runners in map(int, arguments.runners.split(",")):
            print(f"{task.config}, {runners:,} env runners ...", file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory() as folder:
                rows.append(measure(task, runners, arguments.seconds, Path(folder)))
            if arguments.output is not None:
                kept = {"hardware": hardware(), "seconds": arguments.seconds, "rows": [asdict(row) for row in rows]}
                arguments.output.write_text(json.dumps(kept, indent=1) + "\n")
    ray.shutdown()
    for task in TASKS:
        found = [row for row in rows if row.task == task.config]
        print(
            f"\n{task.config}\n",
            *(f"{form(found)}\n" for form in (traffic_table, waiting_table, policy_table, size_table)),
            sep="\n",
        )


if __name__ == "__main__":
    main()
