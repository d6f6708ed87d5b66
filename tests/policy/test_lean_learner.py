"""The lean learner beside RLlib's own: the same weights and metrics but for rounding, on the same episodes."""

import numpy as np
import pytest
from ray.rllib.algorithms.ppo.torch.ppo_torch_learner import PPOTorchLearner
from ray.rllib.core import ALL_MODULES, DEFAULT_MODULE_ID
from ray.rllib.core.learner.training_data import TrainingData
from ray.rllib.policy.sample_batch import MultiAgentBatch, SampleBatch
from ray.rllib.utils.minibatch_utils import MiniBatchCyclicIterator

from rlhp_ray.config.schema import RunConfig
from rlhp_ray.policy.algorithm_config import build_algorithm_config
from rlhp_ray.policy.lean_learner import LeanPPOLearner, cyclic_rows
from rlhp_ray.policy.process_seeding import seed_process
from rlhp_ray.policy.rollout_runner import RolloutRunner

SETTINGS = {"train_batch_size_per_learner": 60, "minibatch_size": 16, "num_epochs": 3}
ENVS = [
    {"id": "rlhp/MovingDot-v0", "horizon": 7},
    {"id": "CartPole-v1", "horizon": None},
    {"id": "Pendulum-v1", "horizon": 9},
    {"id": "rlhp/MovingDotPixels-v0", "horizon": 5},
]


def learnt(kind: type[PPOTorchLearner], env: dict, spoils: bool = False, **rllib) -> tuple[list[np.ndarray], dict]:
    """Weights and metrics after two updates, on batches of the first policy."""
    run = RunConfig.model_validate(
        {
            "env": {"num_envs": 3, **env},
            "reward_source": "true_reward",
            "training": {"env_steps": 120, "precision": "float32", "rllib": SETTINGS | rllib},
        }
    )
    seed_process(3)
    config = build_algorithm_config(run)
    config.learners(learner_class=kind)
    runner = RolloutRunner(config=config, worker_index=0)
    learner = config.build_learner(env=runner.env)
    learner.module[DEFAULT_MODULE_ID].load_state_dict(runner.module.state_dict())
    batches = [runner.sample(num_timesteps=60) for _ in range(2)]
    if spoils:
        learner.module[DEFAULT_MODULE_ID].network.critic_head.bias.data.fill_(float("nan"))
    seed_process(4)
    for count, episodes in enumerate(batches, start=1):
        results = learner.update(
            training_data=TrainingData(episodes=episodes),
            timesteps={"num_env_steps_sampled_lifetime": 60 * count},
            num_epochs=config.num_epochs,
            minibatch_size=config.minibatch_size,
            shuffle_batch_per_epoch=config.shuffle_batch_per_epoch,
        )
    weights = [value.detach().numpy().copy() for value in learner.module[DEFAULT_MODULE_ID].state_dict().values()]
    return weights, {
        module: {name: stats.peek() for name, stats in results[module].items() if hasattr(stats, "peek")}
        for module in (ALL_MODULES, DEFAULT_MODULE_ID)
    }


def check_equal(env: dict, **settings) -> None:
    (rllibs, their_metrics), (ours, our_metrics) = (
        learnt(kind, env, **settings) for kind in (PPOTorchLearner, LeanPPOLearner)
    )
    for left, right in zip(rllibs, ours, strict=True):
        np.testing.assert_allclose(right, left, rtol=1e-4, atol=5e-5)  # a twentieth of one step
    assert {module: set(metrics) for module, metrics in their_metrics.items()} == {
        module: set(metrics) for module, metrics in our_metrics.items()
    }
    for module, metrics in their_metrics.items():
        for name, value in metrics.items():
            if "throughput" not in name:
                np.testing.assert_allclose(our_metrics[module][name], value, rtol=1e-3, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("env", ENVS, ids=lambda env: env["id"])
def test_it_learns_what_rllib_learns(env):
    check_equal(env)


@pytest.mark.parametrize(
    "rllib",
    [
        {"use_kl_loss": True},
        {"grad_clip": None},
        {"grad_clip_by": "value"},
        {"minibatch_size": None},
        {"shuffle_batch_per_epoch": False},
        {"vf_clip_param": 0.5, "entropy_coeff": [[0, 0.1], [100, 0.01]], "lr": [[0, 0.01], [100, 0.001]]},
    ],
    ids=lambda rllib: next(iter(rllib)),
)
def test_it_learns_what_rllib_learns_with_other_settings(rllib):
    check_equal(ENVS[1], **rllib)


@pytest.mark.filterwarnings("ignore")
def test_gradients_that_are_not_finite_are_left_to_rllib():
    check_equal(ENVS[1], spoils=True)


def test_a_lean_update_does_not_go_through_rllibs(monkeypatch):
    """Or else the tests above compare RLlib with itself."""
    monkeypatch.setattr(PPOTorchLearner, "compute_loss_for_module", None)
    learnt(LeanPPOLearner, ENVS[1])


@pytest.mark.parametrize("num_rows, minibatch_size", [(10, 3), (12, 4), (7, 7), (5, 12)])
@pytest.mark.parametrize("shuffles", [False, True])
def test_minibatches_are_cut_as_rllib_cuts_them(num_rows, minibatch_size, shuffles):
    batch = MultiAgentBatch({"one": SampleBatch({"row": np.arange(num_rows)})}, num_rows)
    settings = {"num_epochs": 3, "minibatch_size": minibatch_size, "shuffle_batch_per_epoch": shuffles}
    np.random.seed(5)
    expected = [part["one"]["row"].tolist() for part in MiniBatchCyclicIterator(batch, **settings)]
    np.random.seed(5)
    assert [rows.tolist() for rows in cyclic_rows(num_rows, minibatch_size, 3, shuffles)] == expected
