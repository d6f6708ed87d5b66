"""Plays a saved policy and records it: `rlhp replay`, and the video that a training ends with.

Nothing here imports Ray, and nothing heavy is imported before the checkpoint is found.
"""

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlhp_ray.errors import ConfigError, RlhpError
from rlhp_ray.replay.checkpoint_location import locate_checkpoint

if TYPE_CHECKING:
    import gymnasium

    from rlhp_ray.envs.env_choice import EnvChoice
    from rlhp_ray.replay.episode import Episode, Policy, RewardFunction
    from rlhp_ray.replay.live_window import LiveWindow

MAX_VIDEO_FRAMES = 3_000
"""Frames of one video; what is played beyond counts for the returns but is not shown."""
DEFAULT_FRAMES_PER_SECOND = 15.0
"""For environments that name no speed of their own."""


@dataclass(frozen=True)
class EpisodeResult:
    """Returns (undiscounted sums) and length of one episode; `ended` is False if it had to be stopped."""

    seed: int
    steps: int
    true_return: float
    predicted_return: float | None
    ended: bool


@dataclass(frozen=True)
class ReplayResult:
    """What was played, and the video of it: `num_frames` in it, `num_frames_left_out` beyond MAX_VIDEO_FRAMES."""

    episodes: tuple[EpisodeResult, ...]
    video: Path
    num_frames: int
    num_frames_left_out: int


def replay(
    path: Path,
    *,
    episodes: int = 3,
    live: bool = False,
    output: Path | None = None,
    samples_actions: bool | None = None,
) -> ReplayResult:
    """Plays a saved policy, prints the returns and writes one MP4, whose path is the last line printed.

    Args:
        path: a run directory (its best checkpoint, else its last), a checkpoint, or its `inference` folder.
        episodes: how many, with seeds 0, 1, ...
        live: also show the frames in a window, each episode as soon as it is played.
        output: the MP4; default `replay-<checkpoint>.mp4` in the videos of the run, else beside the checkpoint. An
            existing file is kept and a number added to the new one.
        samples_actions: whether actions are drawn, or the most probable; None as its run's evaluation did.

    Raises:
        CheckpointError: there is no checkpoint, or it is damaged.
        RlhpError: no display for `live`, an environment that cannot be rendered, a video that cannot be written.
    """
    _require_usable(episodes, output)
    location = locate_checkpoint(path)
    with ExitStack() as stack:
        window = None
        if live:
            from rlhp_ray.replay.live_window import LiveWindow

            window = stack.enter_context(LiveWindow())
        from rlhp_ray.policy.inference import load_policy
        from rlhp_ray.reward.inference import load_reward

        policy = load_policy(location.inference_dir, samples_actions)
        reward = load_reward(location.inference_dir) if location.has_reward else None
        result = record_video(
            policy,
            reward,
            policy.env,
            output or location.video_dir / f"replay-{location.name}.mp4",
            episodes,
            on_episode=lambda episode: print(_describe(episode, episodes), flush=True),
            window=window,
        )
    print(_describe_all(result.episodes))
    if result.num_frames_left_out:
        shown = f"the first {result.num_frames:,} frames; {result.num_frames_left_out:,} more were played"
        print(f"note: the video holds {shown}, which the returns include.", file=sys.stderr)
    print(result.video, flush=True)
    return result


def record_video(
    policy: "Policy",
    reward_or_none: "RewardFunction | None",
    env: "EnvChoice",
    output: Path,
    episodes: int,
    *,
    on_episode: Callable[[EpisodeResult], None] | None = None,
    window: "LiveWindow | None" = None,
) -> ReplayResult:
    """Records `episodes` episodes of `policy` (seeds 0, 1, ...) into one MP4 of at most MAX_VIDEO_FRAMES frames.

    Args:
        policy: `act(observations [1, *obs_shape]) -> actions [1, *action_shape]`.
        reward_or_none: (observations [1, *obs_shape], actions [1, *action_shape], next observations [1, *obs_shape])
            -> predicted rewards [1].
        env: made with visible ends of episodes.
        output: the MP4, or, if that exists, a name with the next free number: see `video` of the result.
        episodes: at least 1.
        on_episode: called after each episode.
        window: shows each frame that is written.
    """
    _require_usable(episodes, output)
    from rlhp_ray.replay.episode import play_episode
    from rlhp_ray.replay.overlay import Layout, draw_episode
    from rlhp_ray.replay.video_file import VideoFile

    results: list[EpisodeResult] = []
    layout: Layout | None = None
    with closing(_open_env(env)) as game:
        speed = _frames_per_second(game)
        with VideoFile(output, speed) as video:
            for seed in range(episodes):
                room = MAX_VIDEO_FRAMES - video.num_frames
                episode = play_episode(game, policy, reward_or_none, seed=seed, max_frames=room)
                with closing(episode.frames):
                    layout = layout or Layout(*episode.frames.frame_shape)
                    for picture in draw_episode(layout, episode, f"episode {seed + 1}/{episodes}"):
                        video.write(picture)
                        if window is not None:
                            window.show(picture, speed)
                results.append(_result(seed, episode))
                if on_episode is not None:
                    on_episode(results[-1])
    played = sum(result.steps + 1 for result in results)
    return ReplayResult(tuple(results), video.path, video.num_frames, played - video.num_frames)


def _require_usable(episodes: int, output: Path | None) -> None:
    if episodes < 1:
        raise ConfigError(f"{episodes} episodes cannot be played; ask for 1 or more.")
    if output is not None and output.suffix.lower() != ".mp4":
        raise ConfigError(f"The video {output} must end in .mp4; other formats are not written.")


def _open_env(env: "EnvChoice") -> "gymnasium.Env[Any, Any]":
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # its greeting would go to standard output
    os.environ.setdefault("SDL_AUDIODRIVER", "dummy")  # else a machine without sound fills standard error
    import gymnasium

    from rlhp_ray.envs.registry import make_env

    try:
        return make_env(env.env_id, frame_skip=env.frame_skip, hides_score=env.hides_score, render_mode="rgb_array")
    except (gymnasium.error.Error, ImportError, TypeError, AssertionError, NotImplementedError) as error:
        raise RlhpError(
            f"{env.env_id} cannot be opened with render_mode 'rgb_array', which replay needs: {error}"
        ) from error


def _frames_per_second(env: "gymnasium.Env[Any, Any]") -> float:
    speed = (env.metadata or {}).get("render_fps")
    return float(speed) if speed and speed > 0 else DEFAULT_FRAMES_PER_SECOND


def _result(seed: int, episode: "Episode") -> EpisodeResult:
    predicted = None if episode.predicted_rewards is None else float(episode.predicted_rewards.sum())
    true_return = float(episode.true_rewards.sum())
    return EpisodeResult(seed, len(episode.true_rewards), true_return, predicted, episode.ended)


def _describe(result: EpisodeResult, episodes: int) -> str:
    predicted = "" if result.predicted_return is None else f", predicted return {result.predicted_return:,.2f}"
    length = f"{result.steps:,} steps" + ("" if result.ended else ", stopped there")
    return f"episode {result.seed + 1}/{episodes}: true return {result.true_return:,.2f}{predicted} ({length})"


def _describe_all(results: tuple[EpisodeResult, ...]) -> str:
    true = np.array([result.true_return for result in results])
    text = f"mean ± std of {len(results)}: true return {true.mean():,.2f} ± {true.std():,.2f}"
    predicted = np.array([result.predicted_return for result in results if result.predicted_return is not None])
    return text + (f", predicted return {predicted.mean():,.2f} ± {predicted.std():,.2f}" if len(predicted) else "")
