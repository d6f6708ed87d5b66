"""Pairs/s of a round of reward fitting on 3,000 Atari-sized labels, over a bare PyTorch loop on the same network.

    .venv/bin/python benchmarks/reward_fit.py [--labels 3000] [--presented 600] [--repeats 3]

Clips are 25 steps of Pong, 84 x 84 x 4, cut from one random play. They go the way that they go in a run: into the
PreferenceBuffer actor, answered by its oracle, stored, and from it to the RewardLearner actor, which fits an ensemble
of 3 of the paper's networks (C17 A.2). The bare loop has the same network, all members in one call, minibatches of the
same size, Adam, one thread, and all labels in memory as tensors; no bootstrap, no L2, no validation. Both are measured
in turn. Aim: a median ratio of at least 0.5, and less than 2 GB resident in the buffer actor.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import ale_py
import gymnasium as gym
import numpy as np
import ray
import torch
from ray import ObjectRef
from ray.actor import ActorHandle

from rlhp_ray.actors.placement import create_preference_buffer, create_reward_learner
from rlhp_ray.actors.reward_learner import FittedRound
from rlhp_ray.clips.clip import Clip
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.reward.ensemble import EnsembleSpec, RewardEnsemble
from rlhp_ray.reward.network_spec import NetworkSpec
from rlhp_ray.reward.observation_scaling import ObservationScaling

STACK, CLIP_STEPS, SIDE, MEMBERS, BATCH_PAIRS = 4, 25, 84, 3, 32
PLAY_STEPS = 10_000
LABELS_PER_ROUND = 250


def random_play(steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames `[steps, 84, 84]`, actions and rewards `[steps]` of Pong at random, 4 raw frames a step."""
    gym.register_envs(ale_py)
    env = gym.make("ALE/Pong-v5", obs_type="grayscale", frameskip=4)
    env.action_space.seed(0)
    screen, _ = env.reset(seed=0)
    frames = np.empty((steps, SIDE, SIDE), np.uint8)
    actions, rewards = np.empty(steps, int), np.empty(steps, np.float32)
    for step in range(steps):
        pixels = torch.from_numpy(screen.astype(np.float32))[None, None]
        frames[step] = torch.nn.functional.interpolate(pixels, (SIDE, SIDE), mode="area")[0, 0].numpy()
        actions[step] = env.action_space.sample()
        screen, reward, terminated, truncated, _ = env.step(actions[step])
        rewards[step] = float(reward)
        if terminated or truncated:
            screen, _ = env.reset()
    return frames, actions, rewards


def cut(play: tuple[np.ndarray, np.ndarray, np.ndarray], count: int, rng: np.random.Generator) -> list[Clip]:
    """Clips from random moments of the play."""
    frames, actions, rewards = play
    clips = []
    for start in rng.integers(0, len(frames) - STACK - CLIP_STEPS, count):
        acted = slice(start + STACK - 1, start + STACK - 1 + CLIP_STEPS)
        shown = frames[start : acted.stop]
        clips.append(Clip(shown, actions[acted], rewards[acted] + rng.normal(0, 0.01, CLIP_STEPS), 0, STACK))
    return clips


class BareLoop:
    """What anyone would write first: forward both clips, cross-entropy, backward, Adam."""

    def __init__(self, spec: EnsembleSpec, clips: list[Clip]) -> None:
        self._network = RewardEnsemble(spec).network
        self._optimiser = torch.optim.Adam(self._network.parameters(), lr=1e-4)
        self._frames = torch.from_numpy(np.stack([clip.observations for clip in clips]))
        assert isinstance(spec.action_space, gym.spaces.Discrete)
        buttons = torch.from_numpy(np.stack([clip.actions for clip in clips]))
        self._actions = torch.nn.functional.one_hot(buttons, int(spec.action_space.n)).float()
        returns = torch.tensor([float(clip.teacher_rewards.sum()) for clip in clips])
        self._is_left_better = (returns[0::2] > returns[1::2]).float()

    def pairs_per_second(self, presented: int) -> float:
        """Of gradient steps over this many pairs."""
        order = torch.randperm(len(self._is_left_better))[:presented]
        started = time.perf_counter()
        for rows in order.split(BATCH_PAIRS):
            left, right = self._returns(2 * rows), self._returns(2 * rows + 1)
            target = self._is_left_better[rows].expand_as(left)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(left - right, target)
            self._optimiser.zero_grad()
            loss.backward()
            self._optimiser.step()
        return presented / (time.perf_counter() - started)

    def _returns(self, rows: torch.Tensor) -> torch.Tensor:
        return self._network(self._frames[rows].unfold(1, STACK, 1), self._actions[rows]).sum(-1)


def ask(buffer: ActorHandle, taken: int, due: int) -> tuple[ray.ObjectRef, ray.ObjectRef]:
    """A round of queries: what the learner gets, and the report."""
    data: ray.ObjectRef
    report: ray.ObjectRef
    data, report = buffer.ask.options(num_returns=2).remote("reward_fit", taken, due, 0, None)
    return data, report


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--labels", type=int, default=3000)
    parser.add_argument("--presented", type=int, default=600, help="pairs in a measured round")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    images = gym.spaces.Box(0, 255, (SIDE, SIDE, STACK), np.uint8)
    buttons: gym.spaces.Discrete = gym.spaces.Discrete(6)
    spec = EnsembleSpec(
        images, buttons, MEMBERS, NetworkSpec("cnn"), ObservationScaling.from_space(images), scale=0.05, seed=0
    )
    config = RunConfig.model_validate(
        {
            "env": {"id": "rlhp/MovingDotPixels-v0"},  # a name only: the clips come from here
            "preferences": {"labels": options.labels, "pool_clips": 2 * LABELS_PER_ROUND},
            "reward": {
                "learning_rate": 1e-4, "batch_pairs": BATCH_PAIRS, "pretraining_epochs": 1, "epochs_per_round": 1,
                "pairs_per_round": options.presented,
            },
        }
    )  # fmt: skip
    rng = np.random.default_rng(0)
    play = random_play(PLAY_STEPS)
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=10**9)
    with tempfile.TemporaryDirectory() as folder:
        buffer = create_preference_buffer(config, spec, Path(folder), "PreferenceBuffer:reward_fit")
        learner = create_reward_learner(config, spec, "RewardLearner:reward_fit", num_cpus=1, num_gpus=0)
        for due in range(LABELS_PER_ROUND, options.labels + 1, LABELS_PER_ROUND):
            ray.get(buffer.join.remote("reward_fit", cut(play, 2 * LABELS_PER_ROUND, rng)))
            data, report_of_round = ask(buffer, due - LABELS_PER_ROUND, due)
            ray.get(learner.add_pairs.remote(data))
            report = ray.get(report_of_round)
            print(f"{report.queries:,} labels, buffer {report.usage.resident_megabytes:,.0f} MB resident", flush=True)
        bare = BareLoop(spec, cut(play, 2 * options.labels, rng))
        ratios: list[float] = []
        learner_mb = 0.0
        print("repeat  this project  bare loop  ratio   (pairs/s)")
        for repeat in range(options.repeats + 1):
            data, report_of_round = ask(buffer, options.labels, options.labels)
            fit: ObjectRef[FittedRound] = learner.fit_round.remote(data)
            fitted = ray.get(fit)
            ours, learner_mb = options.presented / fitted.fit_seconds, fitted.usage.resident_megabytes
            theirs = bare.pairs_per_second(options.presented)
            if repeat == 0:
                continue  # the first round goes over all labels, and warms both up
            ratios.append(ours / theirs)
            print(f"{repeat:<8}{ours:>12.1f}{theirs:>11.1f}{ratios[-1]:>7.2f}", flush=True)
        print(f"median ratio {statistics.median(ratios):.2f}, learner {learner_mb:,.0f} MB resident")
    ray.shutdown()


if __name__ == "__main__":
    main()
