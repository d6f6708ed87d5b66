"""The episode that people watch, of games whose ends are hidden from the policy or not."""

import numpy as np
import pytest

from rlhp_ray.clips.episode_recorder import EpisodeRecorder, RecordedEpisode
from rlhp_ray.clips.episode_rendering import episode_frames
from rlhp_ray.envs.action_log import action_log_of
from rlhp_ray.envs.registry import make_vector_env
from rlhp_ray.reward.ensemble import RewardEnsemble
from rlhp_ray.reward.reward_swap import EpisodeReturns, RewardSwapVectorEnv

HORIZON = 64


@pytest.fixture
def breakout(make_spec):
    """One game, which ends within 200 steps of random play or so."""
    made = []

    def make(horizon: int | None) -> RewardSwapVectorEnv:
        env = make_vector_env("ALE/Breakout-v5", 1, horizon=horizon)
        log = action_log_of(env, 10)
        ensemble = RewardEnsemble(make_spec(env.single_observation_space, env.single_action_space))
        made.append(RewardSwapVectorEnv(env, ensemble, None, True, episodes=EpisodeRecorder(4, log)))
        return made[-1]

    yield make
    for env in made:
        env.close()


def games(env: RewardSwapVectorEnv, number: int) -> list[tuple[RecordedEpisode, EpisodeReturns]]:
    rng = np.random.default_rng(0)
    env.reset(seed=0)
    found = []
    while len(found) < number:
        env.step(rng.integers(0, 4, 1))
        harvest = env.drain(0)
        assert len(harvest.episodes) == (harvest.newest_episode is not None)
        if harvest.newest_episode is not None:
            found.append((harvest.newest_episode, harvest.episodes[0]))
    return found


@pytest.mark.parametrize("horizon", [HORIZON, None])
def test_a_game_can_be_shown_in_colour_whatever_ends_lie_about_it(breakout, horizon):
    """Drawing compares each step with what the agent saw. At a horizon the game goes on through a step of its own."""
    played = games(breakout(horizon), 3)
    for episode, returns in played:
        assert len(list(episode_frames(episode.clip))) == len(episode.clip) == episode.env_steps
        assert episode.true_return == returns.true_return
    horizons = sum(episode.env_steps - returns.env_steps for episode, returns in played)
    total = sum(len(episode.clip) for episode, _ in played)
    assert horizons == (0 if horizon is None else (total - 1) // (HORIZON + 1))
