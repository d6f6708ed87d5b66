"""Greedy evaluation on the environment as it is registered: visible ends, true reward, fixed seeds or starts."""

from dataclasses import dataclass

import numpy as np

from rlhp_ray.envs.game_infos import RAW_SCORE_KEY
from rlhp_ray.envs.registry import evaluation_reset_options, make_vector_env
from rlhp_ray.policy.inference import GreedyPolicy

MAX_PARALLEL_EPISODES = 1000
EVALUATION_SEED = 1_000_003  # of every evaluation of every run, so that all are asked the same


@dataclass(frozen=True)
class EvaluationResult:
    """True returns of greedy episodes: mean, standard deviation over episodes, and their number."""

    true_return_mean: float
    true_return_std: float
    episodes: int


def evaluate_greedy(policy: GreedyPolicy, num_episodes: int) -> EvaluationResult:
    """Play `num_episodes` episodes side by side and sum their true rewards, or points, until each one's first end.

    Args:
        policy: acts greedily in the environment that it names.
        num_episodes: from the environment's fixed starts where it has some, else from fixed seeds.
    """
    returns: list[float] = []
    options = evaluation_reset_options(policy.env.env_id, num_episodes)
    while len(returns) < num_episodes:
        count = min(MAX_PARALLEL_EPISODES, num_episodes - len(returns))
        chunk = options and {key: value[len(returns) : len(returns) + count] for key, value in options.items()}
        returns.extend(_play(policy, count, EVALUATION_SEED + len(returns), chunk))
    return EvaluationResult(float(np.mean(returns)), float(np.std(returns)), len(returns))


def _play(policy: GreedyPolicy, count: int, seed: int, options: dict | None) -> np.ndarray:
    choice = policy.env
    env = make_vector_env(choice.env_id, count, frame_skip=choice.frame_skip, hides_score=choice.hides_score)
    observations, _ = env.reset(seed=seed, options=options)
    returns, running = np.zeros(count), np.ones(count, bool)
    while running.any():
        observations, rewards, terminations, truncations, infos = env.step(policy.act(observations))
        returns += np.where(running, infos.get(RAW_SCORE_KEY, rewards), 0.0)
        running &= ~(terminations | truncations)
    env.close()
    return returns
