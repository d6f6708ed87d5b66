"""The reward ensemble: networks, observation scaling and normaliser, as one versioned thing."""

from collections.abc import Sequence
from dataclasses import dataclass

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor

from rlhp_ray.clips.clip import ClipArrays
from rlhp_ray.errors import RewardDataError
from rlhp_ray.reward.member_network import MemberNetwork
from rlhp_ray.reward.network_registry import build_network
from rlhp_ray.reward.network_spec import NetworkShape, NetworkSpec
from rlhp_ray.reward.normalisation import RewardNormaliser
from rlhp_ray.reward.observation_scaling import ObservationScaling, action_size, encode_actions
from rlhp_ray.reward.observation_statistics import InputObserver

MAX_STEPS_PER_BATCH = 1024  # of inference over clips: 116 MB of pixels as floats


@dataclass(frozen=True, eq=False)
class PublishedReward:
    """What env runners need to apply one version of the reward: weights and normaliser, and no reward data.

    Args:
        version: counts from 1; 0 means that no reward has been learnt yet.
        weights: parameters and running statistics by name, arrays whose first axis is the member.
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
        network: architecture of the members.
        scaling: owns what the networks see of an observation.
        scale: standard deviation of the predicted reward, in reward units.
        seed: of the initial weights.
    """

    observation_space: gym.Space
    action_space: gym.Space
    members: int
    network: NetworkSpec
    scaling: ObservationScaling
    scale: float
    seed: int

    @property
    def network_shape(self) -> NetworkShape:
        """Sizes that the networks are built for. Raises ValueError where next observations would be images."""
        actions = 0 if self.network.inputs == "obs" else action_size(self.action_space)
        if self.scaling.kind != "bytes":
            size = self.scaling.size * (2 if self.network.sees_next_observations else 1)
            return NetworkShape(self.members, (size,), actions)
        if self.network.sees_next_observations:
            raise ValueError("a network on images sees no next observations")
        return NetworkShape(self.members, self.scaling.shape, actions)


@dataclass(frozen=True, eq=False)
class EncodedClips:
    """Clips as tensors.

    Args:
        observations: `[num_clips, clip_steps, ...]` as the networks take them, the next ones behind them where they are
            seen; of stacked frames the single ones `[num_clips, stack - 1 + clip_steps, height, width]`, from which
            stacks are made without copying.
        actions: `[num_clips, clip_steps, action_size]`.
        frame_stack: frames in a stack, or None.
    """

    observations: Tensor
    actions: Tensor
    frame_stack: int | None

    def __getitem__(self, rows: Tensor | slice) -> "EncodedClips":
        return EncodedClips(self.observations[rows], self.actions[rows], self.frame_stack)

    @classmethod
    def concatenated(cls, parts: Sequence["EncodedClips"]) -> "EncodedClips":
        """The clips of all parts, in order."""
        return cls(
            torch.cat([part.observations for part in parts]),
            torch.cat([part.actions for part in parts]),
            parts[0].frame_stack,
        )

    def rewards(self, network: MemberNetwork) -> Tensor:
        """Rewards `[members, num_clips, clip_steps]`."""
        if self.frame_stack is None:
            return network(self.observations, self.actions)
        return network.of_frames(self.observations, self.actions, self.frame_stack)


class RewardEnsemble:
    """Predicts rewards of (observation, action), or of what `reward.inputs` says, with every member at once.

    `observer`, where one is set, is shown the observations that enter the networks step by step, and not what they are
    given of clips.

    Args:
        spec: what to build.
        device: torch's name of where the networks are and what they are given is brought to; answers are NumPy arrays.
    """

    def __init__(self, spec: EnsembleSpec, device: str = "cpu") -> None:
        self.spec = spec
        self.device = torch.device(device)
        self.observer: InputObserver | None = None
        self.scaling = spec.scaling
        self.version = 0
        self.normaliser = RewardNormaliser.identity(spec.members, spec.scale)
        self.network = self._new_network(spec.seed).to(self.device)

    @property
    def members(self) -> int:
        """Networks in the ensemble."""
        return self.spec.members

    def _new_network(self, seed: int) -> MemberNetwork:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return build_network(self.spec.network_shape, self.spec.network)

    def draw_weights(self, seed: int) -> None:
        """Forget what was learnt: initial weights from this seed, in place."""
        self.network.load_state_dict(self._new_network(seed).state_dict())

    def encode(
        self, observations: np.ndarray, actions: np.ndarray, next_observations: np.ndarray | None = None
    ) -> tuple[Tensor, Tensor]:
        """`[n, *observation]`, `[n, *action]`, `[n, *observation]` to the tensors that the networks take.

        Raises:
            RewardDataError: the networks see next observations, and none came.
        """
        seen = self.scaling(observations)
        if self.spec.network.sees_next_observations:
            if next_observations is None:
                raise RewardDataError(
                    "this reward is a function of (observation, action, next observation), but no next observations "
                    f"came with {len(observations)} observations; expected as many. Give what each action led to, or "
                    "use a reward of other reward.inputs."
                )
            seen = np.concatenate([seen, self.scaling(next_observations)], axis=-1)
        return torch.from_numpy(np.ascontiguousarray(seen)).to(self.device), self._encode_actions(actions)

    def _encode_actions(self, actions: np.ndarray) -> Tensor:
        """`[n, action_size]`, which is nothing to see where the reward is a function of the observation alone."""
        encoded = torch.from_numpy(encode_actions(actions, self.spec.action_space))
        return encoded[:, : self.spec.network_shape.action_size].to(self.device)

    def encode_clips(self, clips: ClipArrays) -> EncodedClips:
        """Clips as tensors; single frames are not copied on the CPU. Raises RewardDataError as `encode`."""
        num_clips, clip_steps = clips.actions.shape[:2]

        def steps(array: np.ndarray) -> np.ndarray:
            return array.reshape(-1, *array.shape[2:])

        if clips.frame_stack is None:
            following = clips.next_observations if self.spec.network.sees_next_observations else None
            seen = steps(clips.observations), steps(clips.actions), None if following is None else steps(following)
            observations, actions = (encoded.unflatten(0, (num_clips, clip_steps)) for encoded in self.encode(*seen))
        else:
            observations = torch.from_numpy(clips.observations).to(self.device)
            actions = self._encode_actions(steps(clips.actions)).unflatten(0, (num_clips, clip_steps))
        return EncodedClips(observations, actions, clips.frame_stack)

    @torch.inference_mode()
    def member_rewards(
        self, observations: np.ndarray, actions: np.ndarray, next_observations: np.ndarray | None = None
    ) -> np.ndarray:
        """Raw rewards of every member, `[members, n]`; as `rewards`."""
        inputs = self.encode(observations, actions, next_observations)
        if self.observer is not None:  # what follows an observation of a vector is the next one, which it does not want
            is_joined = self.spec.network.sees_next_observations
            self.observer.observe(inputs[0][:, : self.scaling.size] if is_joined else inputs[0])
        return self.network(*inputs).cpu().numpy()

    def rewards(
        self, observations: np.ndarray, actions: np.ndarray, next_observations: np.ndarray | None = None
    ) -> np.ndarray:
        """The reward that replaces the game's: `[n]` float32, normalised and averaged over members.

        Args:
            observations: `[n, *observation]`, what the actions were chosen from.
            actions: `[n, *action]`.
            next_observations: `[n, *observation]`, what they led to; not looked at where `reward.inputs` has none.

        Raises:
            RewardDataError: the networks see next observations, and none came.
        """
        return self.normaliser(self.member_rewards(observations, actions, next_observations))

    @torch.inference_mode()
    def rewards_of_rollout(self, stacks: Sequence[np.ndarray], actions: np.ndarray, begins: np.ndarray) -> np.ndarray:
        """`rewards` of steps in their order, for networks that read frames one by one: they read each of them once.

        Where a hidden end cleared the stack, the network is shown the frames before it, as in clips.

        Args:
            stacks: of each step `[num_envs, height, width, stack]` uint8, each stack the one before it moved on by a
                frame, but where an episode begins.
            actions: `[steps, num_envs, *action]`.
            begins: `[steps, num_envs]` bool, where the stack is another episode's than that of the step before.

        Returns:
            `[steps, num_envs]` float32.
        """
        steps, (num_envs, height, width, stack) = len(stacks), stacks[0].shape
        frames = np.empty((num_envs, stack - 1 + steps, height, width), np.uint8)
        frames[:, :stack] = np.moveaxis(stacks[0], -1, 1)
        for step in range(1, steps):
            frames[:, stack - 1 + step] = stacks[step][..., -1]
        clips = ClipArrays(frames, np.swapaxes(actions, 0, 1), frame_stack=stack)
        raw = np.swapaxes(self.member_rewards_of_clips(clips), 1, 2)
        mixed = np.zeros_like(begins)  # stacks that hold frames of both episodes, if put together from single ones
        for later in range(stack - 1):
            mixed[later + 1 :] |= begins[1 : steps - later]
        if mixed.any():
            unmixed = np.concatenate([seen[rows] for seen, rows in zip(stacks, mixed, strict=True)])
            raw[:, mixed] = self.network(*self.encode(unmixed, actions[mixed])).cpu().numpy()
        if self.observer is not None:
            for seen in stacks:
                self.observer.observe(torch.from_numpy(seen))
        return self.normaliser(raw.reshape(self.members, -1)).reshape(steps, num_envs)

    def member_rewards_of_clips(self, clips: ClipArrays) -> np.ndarray:
        """Raw rewards of every step of every clip: `[members, num_clips, clip_steps]`."""
        per_batch = max(1, MAX_STEPS_PER_BATCH // clips.actions.shape[1])
        encoded = self.encode_clips(clips)
        with torch.inference_mode():
            batches = [
                encoded[start : start + per_batch].rewards(self.network) for start in range(0, len(clips), per_batch)
            ]
            return torch.cat(batches, dim=1).cpu().numpy()

    def publish(self, version: int, recent_rewards: np.ndarray) -> PublishedReward:
        """Fix the normaliser and hand out this version.

        Args:
            version: number of the version.
            recent_rewards: `[members, num_clips, clip_steps]`, what the current weights give recent clips.
        """
        self.version = version
        self.normaliser = RewardNormaliser.from_rewards(recent_rewards.reshape(self.members, -1), self.normaliser.scale)
        return self.published()

    def published(self) -> PublishedReward:
        """The current version, copied."""
        weights = {name: value.detach().cpu().numpy().copy() for name, value in self.network.state_dict().items()}
        return PublishedReward(self.version, weights, self.normaliser, self.scaling)

    def load(self, published: PublishedReward) -> None:
        """Take over a published version."""
        self.network.load_state_dict({name: torch.tensor(value) for name, value in published.weights.items()})
        self.version = published.version
        self.normaliser = published.normaliser
        self.scaling = published.scaling
