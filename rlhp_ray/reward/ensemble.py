"""The reward ensemble: networks, observation scaling and normaliser, as one versioned thing."""

from dataclasses import dataclass

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn

from rlhp_ray.clips.clip import ClipArrays
from rlhp_ray.reward.normalisation import RewardNormaliser
from rlhp_ray.reward.observation_scaling import ObservationScaling, action_size, encode_actions
from rlhp_ray.reward.reward_networks import CNNRewardNetwork, MLPRewardNetwork

MAX_STEPS_PER_BATCH = 8192  # of inference over clips: bounds the memory of pixel batches


@dataclass(frozen=True, eq=False)
class PublishedReward:
    """What env runners need to apply one version of the reward: weights and normaliser, and no reward data.

    Args:
        version: counts from 1; 0 means that no reward has been learnt yet.
        weights: parameters by name, float32 arrays whose first axis is the member.
        normaliser: fixed with these weights.
        scaling: of observations; fixed for the whole run.
    """

    version: int
    weights: dict[str, np.ndarray]
    normaliser: RewardNormaliser
    scaling: ObservationScaling


@dataclass(frozen=True, eq=False)
class EnsembleSpec:
    """All that is needed to build the same ensemble in any process.

    Args:
        observation_space: of one environment, before scaling.
        action_space: of one environment.
        members: networks in the ensemble; C17 uses 3.
        hidden_sizes: of the MLP; pixels use the paper's CNN.
        scaling: owns what the networks see of an observation.
        scale: standard deviation of the predicted reward, in reward units.
        seed: of the initial weights.
    """

    observation_space: gym.Space
    action_space: gym.Space
    members: int
    hidden_sizes: tuple[int, ...]
    scaling: ObservationScaling
    scale: float
    seed: int


class RewardEnsemble:
    """Predicts rewards of (observation, action) with every member at once."""

    def __init__(self, spec: EnsembleSpec) -> None:
        self.spec = spec
        self.scaling = spec.scaling
        self.version = 0
        self.normaliser = RewardNormaliser.identity(spec.members, spec.scale)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(spec.seed)
            self.network: nn.Module = self._build_network()

    @property
    def members(self) -> int:
        """Networks in the ensemble."""
        return self.spec.members

    def _build_network(self) -> nn.Module:
        size = action_size(self.spec.action_space)
        if self.scaling.kind == "bytes":
            return CNNRewardNetwork(self.members, self.scaling.shape, size)
        return MLPRewardNetwork(self.members, self.scaling.size, size, self.spec.hidden_sizes)

    def encode(self, observations: np.ndarray, actions: np.ndarray) -> tuple[Tensor, Tensor]:
        """`[n, *observation]`, `[n, *action]` to the tensors that the networks take."""
        return (
            torch.from_numpy(np.ascontiguousarray(self.scaling(observations))),
            torch.from_numpy(encode_actions(actions, self.spec.action_space)),
        )

    @torch.inference_mode()
    def member_rewards(self, observations: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Raw rewards of every member, `[members, n]`, for `[n, *observation]` and `[n, *action]`."""
        return self.network(*self.encode(observations, actions)).numpy()

    def rewards(self, observations: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """The reward that replaces the game's: `[n]` float32, normalised and averaged over members."""
        return self.normaliser(self.member_rewards(observations, actions))

    def member_rewards_of_clips(self, clips: ClipArrays) -> np.ndarray:
        """Raw rewards of every step of every clip: `[members, num_clips, clip_steps]`."""
        num_clips, clip_steps = clips.actions.shape[:2]
        per_batch = max(1, MAX_STEPS_PER_BATCH // clip_steps)
        batches = []
        for start in range(0, num_clips, per_batch):
            observations = clips.observations[start : start + per_batch]
            actions = clips.actions[start : start + per_batch]
            flat = self.member_rewards(
                observations.reshape(-1, *observations.shape[2:]), actions.reshape(-1, *actions.shape[2:])
            )
            batches.append(flat.reshape(self.members, -1, clip_steps))
        return np.concatenate(batches, axis=1)

    def publish(self, version: int, recent_clips: ClipArrays) -> PublishedReward:
        """Fix the normaliser over recent clips and hand out this version."""
        rewards = self.member_rewards_of_clips(recent_clips).reshape(self.members, -1)
        self.version = version
        self.normaliser = RewardNormaliser.from_rewards(rewards, self.normaliser.scale)
        return self.published()

    def published(self) -> PublishedReward:
        """The current version, copied."""
        weights = {name: value.detach().numpy().copy() for name, value in self.network.state_dict().items()}
        return PublishedReward(self.version, weights, self.normaliser, self.scaling)

    def load(self, published: PublishedReward) -> None:
        """Take over a published version."""
        self.network.load_state_dict({name: torch.tensor(value) for name, value in published.weights.items()})
        self.version = published.version
        self.normaliser = published.normaliser
        self.scaling = published.scaling
