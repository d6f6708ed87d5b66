"""An episode of Pong as a run records it for people to watch."""

from dataclasses import dataclass

import numpy as np

from rlhp_ray.clips.episode_recorder import EpisodeRecorder, RecordedEpisode
from rlhp_ray.envs.atari_vector import AtariGameVectorEnv


@dataclass(frozen=True)
class WatchedGame:
    """What was recorded, and from what: raw frames of the reset, and actions in the order in which they were played."""

    episode: RecordedEpisode
    reset_frames: int
    actions: list[int]


def pong_episode(steps: int, seed: int = 3) -> WatchedGame:
    """Random play that counts as over after so many agent steps."""
    env = AtariGameVectorEnv("pong", 1)
    recorder = EpisodeRecorder(4, env.log_actions(1))
    seen, infos = env.reset(seed=seed)
    recorder.discard_partial(is_start=True)
    actions = np.random.default_rng(seed).integers(0, env.single_action_space.n, steps)
    for step, action in enumerate(actions):
        following, rewards, *_ = env.step(action[None])
        recorder.record(seen[0], action, float(rewards[0]), float(rewards[0]), ended=step == steps - 1)
        seen = following
    env.close()
    episode = recorder.take()
    assert episode is not None
    return WatchedGame(episode, int(infos["episode_frame_number"][0]), actions.tolist())
