"""Where the time of Atari training goes, and how fast it is with preferences and on the true reward.

    .venv/bin/python benchmarks/atari_throughput.py [CONFIG] [--minutes 10] [k=v ...]

First the budget: each stage of one training iteration in this process, on one thread, beside the bare libraries doing
the same work (its roofline on this machine). Then two runs of the command line in turn, with preferences and on the
true reward, each stopped by Ctrl-C after so many minutes; env steps/s are those after the initial labels and the
pretraining, evaluation aside. Let nothing else run. Aim: 400 env steps/s, at least 0.8 of the true reward's, and memory
that does not grow once the buffers are full.
"""

import argparse
import csv
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from ale_py.vector_env import AtariVectorEnv
from ray.rllib.core.learner.training_data import TrainingData
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED_LIFETIME
from stopwatch import Stopwatch

from rlhp_ray import metric_keys as keys
from rlhp_ray.actors.process_usage import keep_freed_memory
from rlhp_ray.clips.clip import ClipArrays
from rlhp_ray.config.loading import load_config
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs.registry import describe_env
from rlhp_ray.policy.actor_critic import ActorCriticNetwork
from rlhp_ray.policy.algorithm_config import build_algorithm_config
from rlhp_ray.policy.ppo_defaults import PPO_DEFAULTS
from rlhp_ray.policy.rollout_runner import RolloutRunner
from rlhp_ray.policy.swapped_env import swapped_env_of
from rlhp_ray.reward.ensemble import RewardEnsemble
from rlhp_ray.reward.ensemble_fitting import EnsembleFitter
from rlhp_ray.reward.labelled_pairs import LabelledPairs
from rlhp_ray.reward.run_ensemble import ensemble_spec

REPEATS = 3  # of each measured piece; the fastest counts, since a machine's disturbances only add
PAIRS = 64
FRAME_CHUNK = 64
STEPS_PER_PAIR = 35  # env steps for which one labelled pair is fitted (C17: one per 10; Rahtz: see docs)


def fastest(work: Callable[[], object]) -> float:
    """Seconds of the fastest of some repeats."""
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def our_stages(config: RunConfig) -> dict[str, float]:
    """Seconds per env step of each stage, as a run does it, but all of them in this process."""
    config = config.model_copy(update={"env": config.env.model_copy(update={"num_env_runners": 0})})
    algorithm = build_algorithm_config(config)
    batch = algorithm.total_train_batch_size
    runner = RolloutRunner(config=algorithm, worker_index=0)
    env = swapped_env_of(runner)
    assert env is not None and env._recorder is not None and runner.env is not None
    description = describe_env(config.env.id)
    ensemble = RewardEnsemble(ensemble_spec(config, description))
    seen = np.stack([description.observation_space.sample() for _ in range(FRAME_CHUNK)])
    done = np.zeros(FRAME_CHUNK, np.int64)
    env.apply_reward(ensemble.publish(1, ensemble.member_rewards(seen, done)[:, None]))
    watch = Stopwatch()
    watch.watch(env.env, "step", "environment")
    watch.watch(runner, "_act", "policy inference")
    watch.watch(env._ensemble, "rewards", "reward inference")
    watch.watch(env._ensemble, "rewards_of_rollout", "reward inference")
    watch.watch(env._recorder, "record", "clip recording")
    episodes = runner.sample(num_timesteps=batch)
    clips = env.drain(0).clips
    watch.clear()
    started = time.perf_counter()
    for _ in range(REPEATS):
        episodes = runner.sample(num_timesteps=batch)
        clips += env.drain(0).clips
    total = time.perf_counter() - started
    stages = {stage: seconds / (REPEATS * batch) for stage, seconds in watch.seconds.items()}
    stages["rest of sampling"] = total / (REPEATS * batch) - sum(stages.values())
    while len(clips) < 2 * PAIRS:
        runner.sample(num_timesteps=batch)
        clips += env.drain(0).clips
    spaces = (runner.env.single_observation_space, runner.env.single_action_space)
    names = ("__env__", "__env_single__", "default_policy")
    learner = algorithm.build_learner(env=None, spaces=dict.fromkeys(names, spaces))

    def update() -> None:
        learner.update(
            training_data=TrainingData(episodes=list(episodes)),
            num_epochs=algorithm.num_epochs,
            minibatch_size=algorithm.minibatch_size,
            shuffle_batch_per_epoch=algorithm.shuffle_batch_per_epoch,
            timesteps={NUM_ENV_STEPS_SAMPLED_LIFETIME: batch},
        )

    stages["learner"] = fastest(update) / batch
    pairs = LabelledPairs(
        ClipArrays.from_clips(clips[:PAIRS]), ClipArrays.from_clips(clips[PAIRS : 2 * PAIRS]),
        np.ones(PAIRS, np.float32), np.arange(PAIRS), np.ones(PAIRS, np.float32),
    )  # fmt: skip
    fitter = EnsembleFitter(ensemble, config.reward.learning_rate, config.reward.batch_pairs, 0)
    stages["reward fitting (own process)"] = fastest(lambda: fitter.fit(pairs, 1, 0)) / PAIRS / STEPS_PER_PAIR
    return stages


def bare_stages(config: RunConfig) -> dict[str, float]:
    """Seconds per env step of the same work by the libraries alone."""
    description = describe_env(config.env.id)
    num_envs, batch = config.env.num_envs, 2048
    rom = config.env.id.removeprefix("ALE/").partition("-")[0].lower()
    games = AtariVectorEnv(rom, num_envs, num_threads=1, reward_clipping=False)
    games.reset(seed=0)
    actions = np.zeros(num_envs, np.int64)
    stages = {"environment": fastest(lambda: [games.step(actions) for _ in range(50)]) / (50 * num_envs)}
    network = ActorCriticNetwork(description.observation_space, description.action_space, [])
    frames = torch.randint(0, 256, (batch, 84, 84, 4), dtype=torch.uint8)

    @torch.no_grad()
    def act() -> None:
        for part in frames.split(num_envs):
            network.action_distribution_inputs(network.features(part))

    stages["policy inference"] = fastest(act) / batch
    spec = ensemble_spec(config, description)
    ensemble = RewardEnsemble(spec)
    buttons = torch.zeros(batch, spec.network_shape.action_size)

    @torch.inference_mode()
    def predict() -> None:
        ensemble.network(frames, buttons)

    stages["reward inference"] = fastest(predict) / batch
    optimiser = torch.optim.Adam(network.parameters())
    settings = PPO_DEFAULTS | config.training.rllib

    def learn() -> None:
        for _ in range(settings["num_epochs"]):
            for part in frames.split(settings["minibatch_size"]):
                features = network.features(part)
                loss = network.action_distribution_inputs(features).logsumexp(-1) + network.value(part, features) ** 2
                optimiser.zero_grad()
                loss.mean().backward()
                optimiser.step()

    stages["learner"] = fastest(learn) / batch
    return stages


def print_budget(config: RunConfig) -> None:
    """The table of stages."""
    ours, bare = our_stages(config), bare_stages(config)
    print("stage                         steps/s  libraries alone  share of a step")
    policy = {stage: seconds for stage, seconds in ours.items() if "own process" not in stage}
    for stage, seconds in ours.items():
        alone = f"{1 / bare[stage]:>15,.0f}" if stage in bare else f"{'-':>15}"
        share = f"{seconds / sum(policy.values()):>15.0%}" if stage in policy else f"{'beside':>15}"
        print(f"{stage:<28}{1 / seconds:>9,.0f}  {alone}  {share}")
    print(f"{'all but fitting':<28}{1 / sum(policy.values()):>9,.0f}", flush=True)


def train_for(minutes: float, config: str, overrides: list[str], folder: Path) -> list[dict[str, float]]:
    """Rows of metrics.csv of a run that is stopped after its first labels and so many minutes."""
    command = [sys.executable, "-m", "rlhp_ray.cli", "train", config, f"output_dir={folder}", "name=run", *overrides]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    metrics = folder / "run" / "metrics.csv"
    started = None
    while run.poll() is None and (started is None or time.monotonic() < started + 60 * minutes):
        time.sleep(1)
        if started is None and metrics.exists() and len(metrics.read_text().splitlines()) > 1:
            started = time.monotonic()
    if started is None:
        sys.exit(f"{' '.join(command)}\n{run.stderr.read() if run.stderr else ''}")
    run.send_signal(signal.SIGINT)
    run.communicate()
    with metrics.open(newline="") as file:
        return [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]


def describe(name: str, rows: list[dict[str, float]]) -> float:
    """Print what a run did after its first iteration; its env steps/s."""
    first, last = rows[0], rows[-1]
    steps = last[keys.ENV_STEPS] - first[keys.ENV_STEPS]
    speed = steps / (last[keys.TRAIN_SECONDS] - first[keys.TRAIN_SECONDS])
    seconds = {key: sum(row.get(key, 0.0) for row in rows[1:]) for key in (keys.TIME_SAMPLING, keys.TIME_LEARNING)}
    print(
        f"{name}: {speed:,.0f} env steps/s over {steps:,.0f} env steps; sampling {seconds[keys.TIME_SAMPLING]:.0f} s, "
        f"learning {seconds[keys.TIME_LEARNING]:.0f} s, waiting {last.get(keys.TIME_WAITING, 0.0):.1f} s"
    )
    for part in (rows[len(rows) // 2], last):
        memory = ", ".join(f"{key} {part[key]:,.0f}" for key in MEMORY if key in part)
        print(f"  at {part[keys.ENV_STEPS]:,.0f} env steps: {memory}", flush=True)
    return speed


MEMORY = (keys.MEMORY_TRIAL, keys.MEMORY_RUNNERS, keys.MEMORY_BUFFER, keys.MEMORY_LEARNER)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", nargs="?", default="pong")
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--minutes", type=float, default=10)
    arguments = parser.parse_intermixed_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    print_budget(load_config(arguments.config, arguments.overrides))
    speeds = []
    for name, source in (("preferences", "preferences"), ("true reward", "true_reward")):
        with tempfile.TemporaryDirectory() as folder:
            overrides = [*arguments.overrides, f"reward_source={source}"]
            speeds.append(describe(name, train_for(arguments.minutes, arguments.config, overrides, Path(folder))))
    print(f"ratio {speeds[0] / speeds[1]:.2f}")


if __name__ == "__main__":
    main()
