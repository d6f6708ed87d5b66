"""Fitting elsewhere than on the CPU: torch's `meta` device has shapes only, and refuses what mixes devices."""

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlhp_ray.clips.clip import ClipArrays
from rlhp_ray.config.loading import load_config
from rlhp_ray.config.validation import validate_run
from rlhp_ray.reward.bradley_terry import preference_loss
from rlhp_ray.reward.ensemble import RewardEnsemble
from rlhp_ray.reward.ensemble_fitting import EnsembleFitter
from rlhp_ray.reward.fit_recipe import FitRecipe
from rlhp_ray.reward.labelled_pairs import LabelledPairs
from rlhp_ray.reward.member_optimiser import MemberOptimiser
from rlhp_ray.reward.run_ensemble import ensemble_spec

PAIRS, STEPS = 4, 6


def clips_of(observation_space: gym.Space, action_space: gym.Space, frame_stack: int | None) -> ClipArrays:
    def samples(space: gym.Space, *shape: int) -> np.ndarray:
        return np.stack([space.sample() for _ in range(int(np.prod(shape)))]).reshape(*shape, *space.shape)

    actions = samples(action_space, PAIRS, STEPS)
    if frame_stack is None:
        return ClipArrays(samples(observation_space, PAIRS, STEPS), actions)
    frames = np.zeros((PAIRS, frame_stack - 1 + STEPS, *observation_space.shape[:2]), np.uint8)
    return ClipArrays(frames, actions, frame_stack=frame_stack)


@pytest.mark.parametrize(
    ("config", "override"),
    [
        ("pendulum", "reward.dropout=0.5"),
        ("moving_dot", "reward.network=mlp_heads"),
        ("moving_dot_pixels", "reward.batch_norm=true"),
        ("moving_dot_pixels", "reward.network=keypoint_cnn"),
    ],
)
def test_networks_their_inputs_and_their_gradients_lie_on_the_device(config: str, override: str):
    run = load_config(config, [override])
    description = validate_run(run)
    spec = ensemble_spec(run, description)
    ensemble = RewardEnsemble(spec, "meta")
    clips = clips_of(description.observation_space, description.action_space, description.frame_stack)
    ensemble.network.train()
    left, right = (ensemble.encode_clips(clips).rewards(ensemble.network).sum(-1) for _ in "lr")
    preference_loss(left, right, torch.zeros(PAIRS, device="meta"), 0.1).sum().backward()
    for name, parameter in ensemble.network.named_parameters():
        assert parameter.device.type == parameter.grad.device.type == "meta", name
    MemberOptimiser(ensemble.network, 1e-3, FitRecipe(optimiser="rmsprop")).step(
        torch.zeros(spec.members, device="meta")
    )


def test_a_fit_puts_labels_and_weights_where_the_networks_are():
    run = load_config("moving_dot_pixels", [])
    description = validate_run(run)
    ensemble = RewardEnsemble(ensemble_spec(run, description), "meta")
    clips = clips_of(description.observation_space, description.action_space, description.frame_stack)
    mu_left, weight = np.ones(PAIRS, np.float32), np.ones(PAIRS, np.float32)
    data = EnsembleFitter(ensemble, 1e-3, 2, seed=0)._tensors(
        LabelledPairs(clips, clips, mu_left, np.arange(PAIRS), weight), round_index=0
    )
    for tensor in (data.mu_left, data.weights, data.source_weights, data.left.observations, data.right.actions):
        assert tensor.device.type == "meta"


def test_on_the_cpu_nothing_is_copied():
    run = load_config("moving_dot_pixels", [])
    description = validate_run(run)
    clips = clips_of(description.observation_space, description.action_space, description.frame_stack)
    encoded = RewardEnsemble(ensemble_spec(run, description)).encode_clips(clips)
    assert encoded.observations.data_ptr() == clips.observations.ctypes.data
