"""Evaluation on the environment as it is registered: visible ends, true reward, fixed seeds or starts."""

from contextlib import closing
from dataclasses import dataclass

import numpy as np

from rlhp_ray.envs.episode_ends import MAX_EPISODE_STEPS
from rlhp_ray.envs.game_infos import RAW_SCORE_KEY
from rlhp_ray.envs.registry import evaluation_reset_options, make_vector_env
from rlhp_ray.policy.inference import TrainedPolicy

MAX_PARALLEL_EPISODES = 1000
EVALUATION_SEED = 1_000_003  # of every evaluation of every run, so that all are asked the same


@dataclass(frozen=True)
class EvaluationResult:
    """True returns of evaluation episodes: mean, standard deviation over episodes, and their number."""

    true_return_mean: float
    true_return_std: float
    episodes: int


def evaluate_policy(policy: TrainedPolicy, num_episodes: int, max_episode_steps: int | None = None) -> EvaluationResult:
    """Play `num_episodes` episodes side by side and sum their true rewards, or points, until each one's first end.

    Args:
        policy: acts in the environment that it names.
        num_episodes: from the environment's fixed starts where it has some, else from fixed seeds.
        max_episode_steps: env steps after which what is still going on counts as it is; None for the environment's own
            limit, or `MAX_EPISODE_STEPS` where that comes first. The longest episode decides how long the others are
            stepped along: 30 games of Pong in which no rally ends are 810,000 env steps.
    """
    returns: list[float] = []
    options = evaluation_reset_options(policy.env.env_id, num_episodes)
    while len(returns) < num_episodes:
        count = min(MAX_PARALLEL_EPISODES, num_episodes - len(returns))
        chunk = options and {key: value[len(returns) : len(returns) + count] for key, value in options.items()}
        returns.extend(_play(policy, count, EVALUATION_SEED + len(returns), chunk, max_episode_steps))
    return EvaluationResult(float(np.mean(returns)), float(np.std(returns)), len(returns))


def _play(policy: TrainedPolicy, count: int, seed: int, options: dict | None, max_steps: int | None) -> np.ndarray:
    choice = policy.env
    env = make_vector_env(choice.env_id, count, frame_skip=choice.frame_skip, hides_score=choice.hides_score)
    observations, _ = env.reset(seed=seed, options=options)
    returns, running = np.zeros(count), np.ones(count, bool)
    with closing(env):
        for _ in range(max_steps or MAX_EPISODE_STEPS):
            observations, rewards, terminations, truncations, infos = env.step(policy.act(observations))
            returns += np.where(running, infos.get(RAW_SCORE_KEY, rewards), 0.0)
            running &= ~(terminations | truncations)
            if not running.any():
                break
    return returns
