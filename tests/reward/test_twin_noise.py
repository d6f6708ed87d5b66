"""Both clips of a pair share their noise while members are fitted: two identical clips get P = .5, to rounding."""

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlhp_ray.clips.clip import ClipArrays
from rlhp_ray.reward.bradley_terry import preference_probability
from rlhp_ray.reward.ensemble import EncodedClips, RewardEnsemble

FRAMES = gym.spaces.Box(0, 255, (44, 48, 2), np.uint8)
VECTORS = gym.spaces.Box(-1.0, 1.0, (3,), np.float32)
ROUNDING = 1e-6  # rows of one product are summed in another order than others where they do not fill a block
NETWORKS = [("mlp", VECTORS), ("mlp_heads", VECTORS), ("cnn", FRAMES), ("keypoint_cnn", FRAMES)]


def clips_of(space: gym.Space, num_clips: int = 5, steps: int = 25) -> ClipArrays:
    rng = np.random.default_rng(0)
    actions = rng.integers(0, 2, (num_clips, steps))
    if space is FRAMES:
        return ClipArrays(rng.integers(0, 256, (num_clips, 1 + steps, 44, 48), np.uint8), actions, frame_stack=2)
    return ClipArrays(rng.uniform(-1, 1, (num_clips, steps, 3)).astype(np.float32), actions)


def probabilities(ensemble: RewardEnsemble, clips: ClipArrays, *, training: bool) -> torch.Tensor:
    """P that each clip is preferred to itself, `[members, num_clips]`, from one pass, as in fitting."""
    torch.manual_seed(0)
    encoded = ensemble.encode_clips(clips)
    with torch.no_grad():
        rewards = EncodedClips.concatenated([encoded, encoded]).rewards(ensemble.network.train(training))
    left, right = rewards.sum(-1).chunk(2, dim=1)
    assert left.std() > 1e-4
    return preference_probability(left, right)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize(("network", "space"), NETWORKS)
def test_identical_clips_get_one_half_under_a_shared_mask(make_spec, network, space, batch_norm):
    spec = make_spec(space, network=network, dropout=0.5, batch_norm=batch_norm)
    told = probabilities(RewardEnsemble(spec), clips_of(space), training=True)
    assert told.shape == (3, 5)
    torch.testing.assert_close(told, torch.full_like(told, 0.5), atol=ROUNDING, rtol=0)


@pytest.mark.parametrize(("network", "space"), NETWORKS)
def test_identical_clips_are_told_apart_under_separate_masks(make_spec, network, space):
    spec = make_spec(space, network=network, dropout=0.5, dropout_mask="separate")
    told = probabilities(RewardEnsemble(spec), clips_of(space), training=True)
    assert ((told - 0.5).abs() > 10 * ROUNDING).all()


@pytest.mark.parametrize(("network", "space"), NETWORKS)
def test_separate_masks_are_gone_from_predictions(make_spec, network, space):
    spec = make_spec(space, network=network, dropout=0.5, dropout_mask="separate", batch_norm=True)
    told = probabilities(RewardEnsemble(spec), clips_of(space), training=False)
    torch.testing.assert_close(told, torch.full_like(told, 0.5), atol=ROUNDING, rtol=0)


@pytest.mark.parametrize(("network", "space"), NETWORKS)
def test_members_have_masks_of_their_own(make_spec, network, space):
    """Members of equal weights, told apart by what they lose."""
    ensemble = RewardEnsemble(make_spec(space, network=network, members=2, dropout=0.5))
    with torch.no_grad():
        for parameter in ensemble.network.parameters():
            parameter[1] = parameter[0]
    encoded = ensemble.encode_clips(clips_of(space, num_clips=2))
    with torch.no_grad():
        first, second = encoded.rewards(ensemble.network.train())
    assert (first - second).abs().max() > 1e-4
