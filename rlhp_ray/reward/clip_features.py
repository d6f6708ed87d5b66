"""Clips in a few numbers, so that it can be told how alike two are."""

import gymnasium as gym
import numpy as np

from rlhp_ray.clips.clip import ClipArrays
from rlhp_ray.reward.observation_scaling import ObservationScaling, encode_actions

SNAPSHOTS = 4  # a clip's course in outline: 196 numbers for frames of any size
GRID = 7  # cells along each side of a frame: 12 pixels of 84


def clip_features(
    clips: ClipArrays, scaling: ObservationScaling, action_space: gym.Space
) -> tuple[np.ndarray, np.ndarray]:
    """What is seen at a few moments of each clip, and what is done between them.

        observations = [phi(o_t) at t = 0, ..., H - 1 in S even steps]
        actions = [mean of the encoded actions over each of S equal parts of the clip]

    for a clip of H steps, S = min(4, H). phi is the scaled observation; of an image it is the mean brightness in each
    cell of a 7 x 7 grid (of stacked frames, of the newest one), in units of the pixels.

    Args:
        clips: observations and actions.
        scaling: owns what is seen of an observation.
        action_space: of one environment.

    Returns:
        Observations `[num_clips, S * size]` and actions `[num_clips, S * action_size]`, float32.
    """
    num_clips, clip_steps = clips.actions.shape[:2]
    moments = min(SNAPSHOTS, clip_steps)
    lead_in = 0 if clips.frame_stack is None else clips.frame_stack - 1
    steps = lead_in + np.linspace(0, clip_steps - 1, moments).round().astype(int)
    seen = clips.observations[:, steps].reshape(num_clips * moments, *clips.observations.shape[2:])
    observations = coarse_frames(seen) if scaling.kind == "bytes" else scaling(seen)
    done = encode_actions(clips.actions.reshape(-1, *clips.actions.shape[2:]), action_space)
    parts = np.array_split(done.reshape(num_clips, clip_steps, -1), moments, axis=1)
    actions = np.concatenate([part.mean(axis=1) for part in parts], axis=1)
    return observations.reshape(num_clips, -1), actions


def coarse_frames(frames: np.ndarray) -> np.ndarray:
    """Mean brightness in each cell of a grid over frames `[n, height, width]` or `[n, height, width, channels]`.

    Returns:
        `[n, GRID * GRID]` float32, row by row.
    """
    grey = frames.astype(np.float32)  # before arithmetic: bytes overflow
    if grey.ndim == 4:
        grey = grey.mean(axis=3)
    (top, heights), (left, widths) = _cells(grey.shape[1]), _cells(grey.shape[2])
    sums = np.add.reduceat(np.add.reduceat(grey, top, axis=1), left, axis=2)
    return (sums / np.outer(heights, widths).astype(np.float32)).reshape(len(frames), -1)


def _cells(length: int) -> tuple[np.ndarray, np.ndarray]:
    """Where each cell begins along a side of this many pixels, and how many it holds."""
    edges = np.arange(GRID + 1) * length // GRID
    return edges[:-1], np.diff(edges)
