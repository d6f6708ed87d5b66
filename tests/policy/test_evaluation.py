"""Evaluation counts what the game counts, to each episode's first end."""

from types import SimpleNamespace

import numpy as np
import pytest

from rlhp_ray import metric_keys as keys
from rlhp_ray.config.schema import RunConfig
from rlhp_ray.envs.env_choice import EnvChoice
from rlhp_ray.envs.registry import make_env
from rlhp_ray.policy import evaluation
from rlhp_ray.policy.evaluation import EVALUATION_SEED, evaluate_policy
from rlhp_ray.policy.preference_algorithm import PreferenceDriven, evaluation_limit


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
    result = evaluate_policy(AlwaysFires(), 2)
    games = [points_of_a_game(EVALUATION_SEED + index) for index in range(2)]
    assert min(games) > 100, "clipped to 1 an invader it would be less than 36"
    assert (result.true_return_mean, result.true_return_std) == (np.mean(games), np.std(games))


class StaysUp:
    """Steers CartPole so that it stands until its time limit of 500 steps, for 1 a step."""

    env = EnvChoice("CartPole-v1")

    def __init__(self) -> None:
        self.calls = 0

    def act(self, observations: np.ndarray) -> np.ndarray:
        self.calls += 1
        return (observations @ [0.0, 0.2, 1.0, 1.0] > 0).astype(np.int64)


@pytest.mark.parametrize(("max_episode_steps", "steps"), [(None, 500), (120, 120), (1, 1), (600, 500)])
def test_an_episode_is_cut_where_it_is_asked_for_and_counts_as_it_is_then(max_episode_steps, steps):
    policy = StaysUp()
    result = evaluate_policy(policy, 3, max_episode_steps)
    assert (result.true_return_mean, result.true_return_std, result.episodes) == (steps, 0, 3)
    assert policy.calls == steps


def test_an_episode_that_ends_before_it_would_be_cut_counts_to_its_end():
    whole, cut = (evaluate_policy(AlwaysFires(), 2, limit) for limit in (None, 5_000))
    assert whole == cut


def test_an_environment_without_an_end_is_stopped(monkeypatch):
    monkeypatch.setattr(evaluation, "MAX_EPISODE_STEPS", 40)  # CartPole's own end comes after 500
    policy = StaysUp()
    assert evaluate_policy(policy, 2).true_return_mean == policy.calls == 40


@pytest.mark.parametrize(
    ("asked", "own_limit", "horizon", "expected"),
    [(None, None, 300, 300), (None, None, None, None), (70, None, 300, 70), (None, 500, 300, None), (70, 500, 300, 70)],
)
def test_a_task_that_never_ends_is_judged_over_the_episodes_it_was_trained_in(asked, own_limit, horizon, expected):
    run = RunConfig.model_validate(
        {"env": {"id": "some/Endless-v0", "horizon": horizon}, "evaluation": {"max_episode_steps": asked}}
    )
    assert evaluation_limit(run, own_limit) == expected


def test_a_run_evaluates_within_its_bound():
    bound = {"episodes": 2, "max_episode_steps": 120}
    run = RunConfig.model_validate({"env": {"id": "CartPole-v1"}, "evaluation": bound})
    algorithm = SimpleNamespace(_run=run, policy_to_judge=StaysUp, _description=SimpleNamespace(episode_steps=500))
    metrics = PreferenceDriven._evaluation_metrics(algorithm, None)
    assert (metrics[keys.EVALUATION_RETURN], metrics[keys.EVALUATION_EPISODES]) == (120, 2)
