"""What policy and predictor are shown, through the environment and the module that RLlib's env runners hold.

The essay's bug: observations were normalised on their way to the policy, and not on their way to the predictor.
"""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ray.rllib.core.columns import Columns

from rlhp_ray.config.schema import RunConfig
from rlhp_ray.policy.rl_modules import ActorCriticRLModule
from rlhp_ray.policy.run_diagnostics import RunDiagnostics
from rlhp_ray.policy.swapped_env import RUN_KEY, drain, make_swapped_env
from rlhp_ray.reward.observation_statistics import EVERY_CALL

NUM_ENVS, STEPS = 4, 20 * EVERY_CALL


@pytest.fixture
def runner():
    """An env runner as `drain` knows it."""

    def make(env_id: str = "rlhp/MovingDot-v0", **sections) -> SimpleNamespace:
        config = RunConfig.model_validate({"env": {"id": env_id, "num_envs": NUM_ENVS}, **sections})
        env = make_swapped_env({RUN_KEY: config.model_dump()})
        module = ActorCriticRLModule(
            observation_space=env.single_observation_space,
            action_space=env.single_action_space,
            model_config={"hidden_sizes": (8,)},
        )
        return SimpleNamespace(env=env, module=module, worker_index=1)

    return make


def explore(runner: SimpleNamespace, steps: int, normalised=lambda observations: observations) -> None:
    """Act as an env runner does; `normalised` stands for a connector between environment and module."""
    observations, _ = runner.env.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(steps):
        batch = {Columns.OBS: torch.from_numpy(np.ascontiguousarray(normalised(observations)))}
        assert len(runner.module.forward_exploration(batch)[Columns.ACTION_DIST_INPUTS]) == NUM_ENVS
        observations, *_ = runner.env.step(rng.integers(0, 5, NUM_ENVS))


def alarms(harvest) -> tuple[float, list[str]]:
    diagnostics = RunDiagnostics(is_true_return_taught=True)
    metrics = diagnostics.acted(harvest)
    notices = diagnostics.take_notices()
    assert metrics["alarms"] == len(notices)
    return metrics["observation_gap"], notices


@pytest.mark.parametrize("env_id", ["rlhp/MovingDot-v0", "rlhp/MovingDotPixels-v0"])
def test_a_healthy_run_shows_both_the_same(runner, env_id):
    made, steps = runner(env_id), 2 * EVERY_CALL
    for _ in range(2):
        explore(made, steps)
        index, harvest = drain(made, 0)
        assert index == 1 and harvest.policy_saw.count == harvest.predictor_saw.count == 2 * NUM_ENVS
        assert alarms(harvest) == (0.0, [])


@pytest.mark.parametrize("normalised", [lambda seen: seen / 10, lambda seen: seen + 1, lambda seen: 3 * seen])
def test_observations_normalised_for_the_policy_alone_are_an_alarm(runner, normalised):
    made = runner()
    explore(made, STEPS, normalised)
    gap, notices = alarms(drain(made, 0)[1])
    assert gap > 1
    assert len(notices) == 1 and "is shown other observations than the policy" in notices[0]


def test_only_exploring_counts(runner):
    made = runner()
    batch = {Columns.OBS: torch.ones(NUM_ENVS, 2)}
    made.module.forward_inference(batch)
    made.module.forward_train(batch)
    assert drain(made, 0)[1].policy_saw is None


def test_a_network_of_the_user_is_not_watched_and_no_alarm(runner):
    made = runner()
    explore(made, STEPS)
    made.module = torch.nn.Linear(2, 5)
    harvest = drain(made, 0)[1]
    assert harvest.policy_saw is None and harvest.predictor_saw is not None
    gap, notices = alarms(harvest)
    assert np.isnan(gap) and notices == []


def test_on_the_true_reward_there_is_no_predictor_to_watch(runner):
    made = runner(reward_source="true_reward")
    explore(made, STEPS)
    assert drain(made, 0)[1].predictor_saw is None


def test_an_env_runner_without_an_environment_gives_nothing(runner):
    made = runner()
    made.env = None
    harvest = drain(made, 0)[1]
    assert (harvest.clips, harvest.policy_saw, harvest.predictor_saw) == ([], None, None)
