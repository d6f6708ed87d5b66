"""A whole episode of an Atari game in colour, for people to watch: a screen each agent step, and no score."""

from collections.abc import Iterator

import numpy as np

from rlhp_ray.clips.clip import Clip
from rlhp_ray.clips.rendering import ClipComparison, origin_of
from rlhp_ray.envs.atari_replay import AtariReplay
from rlhp_ray.envs.score_mask import blank_score
from rlhp_ray.envs.step_replay import replay_steps


def episode_frames(clip: Clip) -> Iterator[np.ndarray]:
    """Uint8 `[210, 160, 3]`, the last raw frame of each agent step (15 a second with a frame skip of 4).

    One by one: a thousand together are 100 MB. Where the game has a mask its score is blanked, which tells the true
    return.

    Raises:
        EnvironmentNotSupportedError: the game is not there.
        RewardDataError: the clip has no origin, or its replay does not show what the clip shows, from this frame on.
    """
    comparison, origin = ClipComparison(clip), origin_of(clip)
    console = AtariReplay(origin.rom, origin.frame_skip)
    for number, step in enumerate(replay_steps(console, origin, screens_per_step=1)):
        comparison.check(number, step.observed)
        yield blank_score(step.screens[0], origin.rom)
