"""A clip: a short, fixed-length recording of one environment (C17 s2: "trajectory segment")."""

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from rlhp_ray.envs.clip_origin import ClipOrigin
from rlhp_ray.errors import RewardDataError

COMPRESSION_LEVEL = 1  # of zlib: frames are mostly flat, a higher level costs time and saves little


@dataclass(frozen=True, eq=False)
class Clip:
    """`clip_steps` consecutive agent steps of one environment.

    Args:
        observations: `[clip_steps, *observation_shape]`; for stacked frames the single frames
            `[stack - 1 + clip_steps, height, width]`, the first ones being the lead-in of the first stack.
        actions: `[clip_steps, *action_shape]`, as the environment received them.
        teacher_rewards: `[clip_steps]`, the true reward. Only simulated teachers read it.
        env_steps: age of the policy that was recorded, in env steps of the whole run.
        frame_stack: frames in a stack, or None where observations are not stacks.
        next_observation: `[*observation_shape]`, what the last action led to; None for stacked frames, and in clips
            stored before it was kept.
        origin: of an Atari game's clip, all that is needed to play it again; it is no part of the clip's id.
    """

    observations: np.ndarray
    actions: np.ndarray
    teacher_rewards: np.ndarray
    env_steps: int
    frame_stack: int | None = None
    next_observation: np.ndarray | None = None
    origin: ClipOrigin | None = None

    def __len__(self) -> int:
        return len(self.actions)

    @cached_property
    def clip_id(self) -> str:
        """A digest of observations, actions and true rewards: the same clip has the same id in every run."""
        digest = hashlib.blake2b(digest_size=12)
        for array in (self.observations, self.actions, self.teacher_rewards):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def part(self, start: int, end: int) -> "Clip":
        """Its agent steps from `start` to before `end`, without origin and next observation."""
        lead_in = 0 if self.frame_stack is None else self.frame_stack - 1
        return Clip(
            self.observations[start : end + lead_in],
            self.actions[start:end],
            self.teacher_rewards[start:end],
            self.env_steps,
            self.frame_stack,
        )

    def check_finite(self) -> None:
        """Raise RewardDataError where an observation, action or reward is NaN or infinite."""
        for name in ("observations", "actions", "teacher_rewards", "next_observation"):
            array = getattr(self, name)
            if array is not None and np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
                raise RewardDataError(
                    f"a clip recorded at env step {self.env_steps} holds NaN or infinity in its {name}; "
                    "expected finite numbers: nothing can be learnt from it. Look at what the environment returns."
                )

    def to_bytes(self) -> bytes:
        """Compressed safetensors: an open format without pickle."""
        tensors = {
            "observations": np.ascontiguousarray(self.observations),
            "actions": np.ascontiguousarray(self.actions),
            "teacher_rewards": np.ascontiguousarray(self.teacher_rewards),
            "header": np.array([self.env_steps, self.frame_stack or 0], dtype=np.int64),
        }
        if self.next_observation is not None:
            tensors["next_observation"] = np.asarray(self.next_observation, order="C")  # a Discrete one has no axis
        if self.origin is not None:
            tensors["origin"] = np.frombuffer(self.origin.to_bytes(), np.uint8)
        return zlib.compress(save(tensors), COMPRESSION_LEVEL)

    @classmethod
    def from_bytes(cls, packed: bytes) -> "Clip":
        """The inverse of `to_bytes`. Raises RewardDataError on foreign or damaged bytes."""
        try:
            tensors = load(zlib.decompress(packed))
            env_steps, frame_stack = (int(number) for number in tensors.pop("header"))
            packed_origin = tensors.pop("origin", None)
            origin = None if packed_origin is None else ClipOrigin.from_bytes(packed_origin.tobytes())
            return cls(**tensors, origin=origin, env_steps=env_steps, frame_stack=frame_stack or None)
        except (zlib.error, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise RewardDataError(f"a stored clip cannot be read ({error}); expected compressed safetensors") from error


@dataclass(frozen=True, eq=False)
class ClipArrays:
    """What the reward network may see of clips: observations and actions, and no reward.

    Args:
        observations: `[num_clips, clip_steps, *observation_shape]`; for stacked frames the single frames
            `[num_clips, stack - 1 + clip_steps, height, width]`, as in a clip: a quarter of the memory of the stacks.
        actions: `[num_clips, clip_steps, *action_shape]`.
        frame_stack: frames in a stack, or None where observations are not stacks.
        next_observation: `[num_clips, *observation_shape]`, what each clip's last action led to; None where a clip
            lacks it.
    """

    observations: np.ndarray
    actions: np.ndarray
    frame_stack: int | None = None
    next_observation: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.actions)

    def __getitem__(self, rows: slice) -> "ClipArrays":
        following = None if self.next_observation is None else self.next_observation[rows]
        return ClipArrays(self.observations[rows], self.actions[rows], self.frame_stack, following)

    @property
    def next_observations(self) -> np.ndarray | None:
        """What every action led to, s_(t+1) of each step t: `[num_clips, clip_steps, *observation_shape]` or None."""
        if self.next_observation is None:
            return None
        return np.concatenate([self.observations[:, 1:], self.next_observation[:, None]], axis=1)

    @classmethod
    def from_clips(cls, clips: Sequence[Clip]) -> "ClipArrays":
        """Stack clips of one length. Raises RewardDataError when lengths differ."""
        following = [clip.next_observation for clip in clips if clip.next_observation is not None]
        lengths = {len(clip) for clip in clips}
        if len(lengths) != 1:
            raise RewardDataError(f"clips of lengths {sorted(lengths)} steps; expected one length")
        return cls(
            observations=np.stack([clip.observations for clip in clips]),
            actions=np.stack([clip.actions for clip in clips]),
            frame_stack=clips[0].frame_stack,
            next_observation=np.stack(following) if len(following) == len(clips) else None,
        )
