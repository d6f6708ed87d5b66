"""One preference-driven training with `imitation` 1.0.1, for `vs_imitation.py`, in the environment that it makes.

The settings are those that imitation's own documentation arrived at for Pendulum-v1 by tuning (its tutorial on
preference comparisons; pull request 771 of HumanCompatibleAI/imitation says how they were found), but for the number of
iterations: with its 60, PPO takes 125,000 steps whatever it was asked for, since an iteration takes a rollout of 2,048
at the least, and two where it is asked for a step more. Here as many are made as the budget of steps pays for, of one
rollout each. The last line printed is JSON. It needs nothing of this project.
"""

import argparse
import json
import time

import gymnasium as gym
import numpy as np
import torch
from imitation.algorithms import preference_comparisons
from imitation.policies.base import FeedForward32Policy, NormalizeFeaturesExtractor
from imitation.rewards.reward_nets import BasicRewardNet
from imitation.util.networks import RunningNorm
from imitation.util.util import make_vec_env
from stable_baselines3 import PPO

NUM_ENVS = 8
ROLLOUT_STEPS = 2048  # of all environments; the least that its PPO takes in an iteration, the initial one among them
EVALUATION_SEED = 1_000_003
np.float_ = np.float64  # which the Acrobot of its gymnasium asks for, and NumPy 2 has dropped


class FixedHorizon(gym.Wrapper):
    """Hides the game's ends behind a reset, charges `penalty` for each, and truncates after `horizon` steps."""

    def __init__(self, env: gym.Env, horizon: int, penalty: float) -> None:
        super().__init__(env)
        self._horizon, self._penalty, self._steps = horizon, penalty, 0

    def reset(self, **options):
        self._steps = 0
        return self.env.reset(**options)

    def step(self, action):
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._steps += 1
        if terminated or truncated:
            reward -= self._penalty * terminated
            observation, _ = self.env.reset()
        return observation, float(reward), False, self._steps >= self._horizon, info


class TipHeight(gym.Wrapper):
    """Pays for the height of Acrobot's free end where an action is chosen, as this project's teacher does."""

    def reset(self, **options):
        self._observation, info = self.env.reset(**options)
        return self._observation, info

    def step(self, action):
        cos_a, sin_a, cos_b, sin_b = self._observation[:4]
        height = -cos_a - (cos_a * cos_b - sin_a * sin_b)
        self._observation, _, terminated, truncated, info = self.env.step(action)
        return self._observation, float(height), terminated, truncated, info


class Balance(gym.Wrapper):
    """Pays for how well CartPole is balanced where an action is chosen, as this project's teacher does."""

    def reset(self, **options):
        self._observation, info = self.env.reset(**options)
        return self._observation, info

    def step(self, action):
        position, angle = self._observation[0] / 2.4, self._observation[2] / np.radians(12)
        self._observation, _, terminated, truncated, info = self.env.step(action)
        return self._observation, float(-(position**2) - angle**2), terminated, truncated, info


TEACHERS = {"environment": lambda env: env, "tip_height": TipHeight, "balance": Balance}


class StepCounter(gym.Wrapper):
    """Counts the steps of every environment together."""

    taken = 0

    def step(self, action):
        StepCounter.taken += 1
        return super().step(action)


def evaluate(env_id: str, policy, episodes: int) -> float:
    """Mean true return of greedy episodes in the environment as it is registered."""
    env, returns = gym.make(env_id), []
    for episode in range(episodes):
        observation, _ = env.reset(seed=EVALUATION_SEED + episode)
        total, ended = 0.0, False
        while not ended:
            action, _ = policy.predict(observation, deterministic=True)
            observation, reward, terminated, truncated, _ = env.step(action)
            total += float(reward)
            ended = terminated or truncated
        returns.append(total)
    return float(np.mean(returns))


def main() -> None:
    """Train and print the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("env_id")
    for name in ("horizon", "clip-steps", "steps", "labels", "seed", "episodes"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--iterations", type=int, help="default: as many as the budget of steps pays for")
    parser.add_argument("--penalty", type=float, default=0.0)
    parser.add_argument("--teacher", choices=list(TEACHERS), default="environment")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)

    def hidden_ends(env: gym.Env, index: int) -> gym.Env:
        taught = TEACHERS[options.teacher](env.unwrapped)
        return StepCounter(FixedHorizon(taught, options.horizon, options.penalty))

    venv = make_vec_env(options.env_id, rng=rng, n_envs=NUM_ENVS, post_wrappers=[hidden_ends])
    reward_net = BasicRewardNet(venv.observation_space, venv.action_space, normalize_input_layer=RunningNorm)
    agent = PPO(
        policy=FeedForward32Policy,
        policy_kwargs={
            "features_extractor_class": NormalizeFeaturesExtractor,
            "features_extractor_kwargs": {"normalize_class": RunningNorm},
        },
        env=venv,
        n_steps=ROLLOUT_STEPS // NUM_ENVS,
        learning_rate=2e-3,
        clip_range=0.1,
        ent_coef=0.01,
        gae_lambda=0.95,
        gamma=0.97,
        n_epochs=10,
        seed=options.seed,
    )
    iterations = options.iterations or max(1, options.steps // ROLLOUT_STEPS - 1)  # beside the initial one
    trainer = preference_comparisons.PreferenceComparisons(
        preference_comparisons.AgentTrainer(agent, reward_net, venv, rng=rng, exploration_frac=0.05),
        reward_net,
        num_iterations=iterations,
        fragmenter=preference_comparisons.RandomFragmenter(warning_threshold=0, rng=rng),
        preference_gatherer=preference_comparisons.SyntheticGatherer(rng=rng),
        reward_trainer=preference_comparisons.BasicRewardTrainer(
            preference_comparisons.PreferenceModel(reward_net),
            preference_comparisons.CrossEntropyRewardLoss(),
            rng=rng,
            epochs=10,
        ),
        fragment_length=options.clip_steps,
        transition_oversampling=1,
        initial_comparison_frac=0.1,
        initial_epoch_multiplier=4,
        query_schedule="hyperbolic",
    )
    started = time.perf_counter()
    asked = options.steps if options.iterations else iterations * ROLLOUT_STEPS
    trainer.train(total_timesteps=asked, total_comparisons=options.labels)
    seconds = time.perf_counter() - started
    result = {
        "true_return_mean": evaluate(options.env_id, agent, options.episodes),
        "train_seconds": seconds,
        "env_steps": agent.num_timesteps,
        "env_steps_with_sampling": StepCounter.taken,  # it also steps the environment for clips that PPO never sees
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
