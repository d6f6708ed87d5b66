"""Evaluation counts what the game counts, to each episode's first end."""

import numpy as np

from rlhp_ray.envs.env_choice import EnvChoice
from rlhp_ray.envs.registry import make_env
from rlhp_ray.policy.evaluation import EVALUATION_SEED, evaluate_greedy


class AlwaysFires:
    """Stands where it is and shoots, at invaders that are worth 5 to 30 points."""

    env = EnvChoice("ALE/SpaceInvaders-v5")

    def act(self, observations: np.ndarray) -> np.ndarray:
        return np.ones(len(observations), np.int64)


def points_of_a_game(seed: int) -> float:
    env = make_env(AlwaysFires.env.env_id)
    env.reset(seed=seed)
    total, ended = 0.0, False
    while not ended:
        _, points, terminated, truncated, _ = env.step(1)
        total, ended = total + float(points), terminated or truncated
    env.close()
    return total


def test_atari_is_judged_by_the_points_of_whole_games():
    result = evaluate_greedy(AlwaysFires(), 2)
    games = [points_of_a_game(EVALUATION_SEED + index) for index in range(2)]
    assert min(games) > 100, "clipped to 1 an invader it would be less than 36"
    assert (result.true_return_mean, result.true_return_std) == (np.mean(games), np.std(games))
