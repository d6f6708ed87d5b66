"""Replay against real environments, with a policy and a reward that are fakes, and the MP4 read back."""

import subprocess
import sys
import types
from pathlib import Path

import gymnasium
import imageio.v3 as iio
import numpy as np
import pytest

from rlhp_ray.envs.env_choice import EnvChoice
from rlhp_ray.errors import CheckpointError, ConfigError, RlhpError
from rlhp_ray.replay import episode as episode_module
from rlhp_ray.replay import player


class PushRight:
    """CartPole policy that always pushes right: the pole falls after about ten steps."""

    env = EnvChoice("CartPole-v1")

    def act(self, observations: np.ndarray) -> np.ndarray:
        assert observations.shape == (1, 4)
        return np.ones(1, dtype=np.int64)


class NoTorque:
    env = EnvChoice("Pendulum-v1")

    def act(self, observations: np.ndarray) -> np.ndarray:
        return np.zeros((len(observations), 1), dtype=np.float32)


class Blind(gymnasium.Env):
    """Has no picture: render returns None."""

    metadata = {"render_modes": []}  # noqa: RUF012  # Gymnasium's own form
    observation_space = gymnasium.spaces.Box(0, 1, (4,))
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, *, seed=None, options=None):
        return np.zeros(4, dtype=np.float32), {}

    def step(self, action):
        return np.zeros(4, dtype=np.float32), 0.0, False, False, {}

    def render(self):
        return None


class GraphicsError(Exception):
    """A class of the graphics library's own, as MuJoCo's FatalError is."""


class Headless(Blind):
    """Its graphics library finds no display."""

    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012  # Gymnasium's own form

    def render(self):
        raise GraphicsError("no OpenGL context")


def half(observations: np.ndarray, actions: np.ndarray, next_observations: np.ndarray) -> np.ndarray:
    assert len(observations) == len(actions) == len(next_observations) == 1
    return np.full(1, 0.5)


@pytest.fixture(autouse=True)
def fake_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    policy_module, reward_module = types.ModuleType("policy.inference"), types.ModuleType("reward.inference")
    policy_module.load_policy = lambda directory, samples_actions=None: PushRight()
    reward_module.load_reward = lambda directory: half
    monkeypatch.setitem(sys.modules, "rlhp_ray.policy.inference", policy_module)
    monkeypatch.setitem(sys.modules, "rlhp_ray.reward.inference", reward_module)


def make_run(directory: Path, *names: str, reward: bool = True) -> Path:
    (directory / "checkpoints").mkdir(parents=True)
    (directory / "config.yaml").write_text("seed: 0\n")
    for name in names:
        inference = directory / "checkpoints" / name / "inference"
        inference.mkdir(parents=True)
        (inference / "policy.json").write_text("{}")
        if reward:
            (inference / "reward.json").write_text("{}")
    return directory


def test_replay_prints_returns_and_the_path_last(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path / "run", "last", "best")
    result = player.replay(run, episodes=2)
    lines = capsys.readouterr().out.splitlines()
    steps = [episode.steps for episode in result.episodes]
    returns = [episode.true_return for episode in result.episodes]
    assert returns == steps  # CartPole pays 1 a step
    assert [episode.predicted_return for episode in result.episodes] == [0.5 * count for count in steps]
    expected = f"true return {steps[0]:.2f}, predicted return {steps[0] / 2:.2f} ({steps[0]} steps)"
    assert lines[0] == f"episode 1/2: {expected}"
    assert lines[2].startswith(f"mean ± std of 2: true return {np.mean(steps):.2f} ± {np.std(steps):.2f}, predicted")
    assert lines[3:] == [str(run / "videos" / "replay-best.mp4")]


def test_video_holds_every_frame_with_rewards_moving_below(tmp_path: Path) -> None:
    result = player.record_video(PushRight(), half, EnvChoice("CartPole-v1"), tmp_path / "a.mp4", 2)
    video = iio.imread(result.video)
    steps = [episode.steps for episode in result.episodes]
    assert video.shape == (sum(steps) + 2, 400 + 30 + 160, 600, 3)  # the frames after reset, too
    assert result.num_frames == len(video) and result.num_frames_left_out == 0
    plot = video[:, 430:].astype(int)
    for step in range(1, steps[0]):
        assert np.abs(plot[step] - plot[step - 1]).max() > 60, f"the cursor stands still at step {step}"
    metadata = iio.immeta(result.video)
    assert metadata["fps"] == 50 and metadata["codec"] == "h264" and metadata["pix_fmt"].startswith("yuv420p")


class Drifting(gymnasium.Env):
    """Writes its only observation anew at every step: the number of the step."""

    observation_space = gymnasium.spaces.Box(0, 9, (4,))
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        self._seen = np.zeros(4, np.float32)
        return self._seen, {}

    def step(self, action):
        self._seen += 1
        return self._seen, 0.0, bool(self._seen[0] == 3), False, {}


def test_the_reward_is_that_of_what_each_action_led_to() -> None:
    given = []

    def reward(*arrays: np.ndarray) -> np.ndarray:
        given.append([array.ravel()[0] for array in arrays])
        return arrays[2][:, 0] - 2 * arrays[0][:, 0]

    episode = episode_module.play_episode(Drifting(), PushRight(), reward, seed=0, max_frames=0)
    assert given == [[0, 1, 1], [1, 1, 2], [2, 1, 3]]
    assert episode.predicted_rewards.tolist() == [1, 0, -1]


def test_without_a_saved_reward_only_the_true_one_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(episode_module, "MAX_EPISODE_STEPS", 5)
    run = make_run(tmp_path / "run", "last", reward=False)
    result = player.replay(run, episodes=1)
    assert result.episodes[0].predicted_return is None
    assert "predicted" not in capsys.readouterr().out
    last = iio.imread(result.video)[-1, 430:].astype(int)
    assert not (last[..., 0] - last[..., 2] > 120).any(), "a vermilion line without a predictor"


def test_continuous_actions_and_a_stopped_episode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(episode_module, "MAX_EPISODE_STEPS", 8)
    result = player.record_video(NoTorque(), None, EnvChoice("Pendulum-v1"), tmp_path / "p.mp4", 1)
    (only,) = result.episodes
    assert only.steps == 8 and not only.ended and only.true_return < 0


def test_video_is_bounded_and_the_returns_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(player, "MAX_VIDEO_FRAMES", 6)
    result = player.replay(make_run(tmp_path / "run", "best"), episodes=2)
    assert result.num_frames == len(iio.imread(result.video)) == 6
    assert sum(episode.steps + 1 for episode in result.episodes) - 6 == result.num_frames_left_out > 0
    assert "the first 6 frames" in capsys.readouterr().err


def test_nothing_is_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(episode_module, "MAX_EPISODE_STEPS", 2)
    (tmp_path / "a.mp4").write_bytes(b"mine")
    result = player.record_video(PushRight(), None, EnvChoice("CartPole-v1"), tmp_path / "a.mp4", 1)
    assert result.video == tmp_path / "a-2.mp4" and (tmp_path / "a.mp4").read_bytes() == b"mine"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a-2.mp4", "a.mp4"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("env_class", "told"), [(Blind, "rgb_array"), (Headless, "no OpenGL context.*MUJOCO_GL")])
def test_an_environment_without_pictures_leaves_no_file(tmp_path: Path, env_class: type, told: str) -> None:
    gymnasium.register("Unseen-v0", env_class)
    try:
        with pytest.raises(RlhpError, match=f"Unseen-v0.*{told}"):
            player.record_video(PushRight(), None, EnvChoice("Unseen-v0"), tmp_path / "a.mp4", 1)
    finally:
        del gymnasium.registry["Unseen-v0"]
    assert list(tmp_path.iterdir()) == []


def test_a_window_without_a_display_is_refused_before_anything_is_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    run = make_run(tmp_path / "run", "best")
    with pytest.raises(RlhpError, match=r"No window can be opened.*--live"):
        player.replay(run, episodes=1, live=True)
    assert not (run / "videos").exists()


def test_live_shows_the_frames_of_the_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rlhp_ray.replay.live_window import LiveWindow

    shown: list[tuple[tuple[int, ...], float]] = []
    original = LiveWindow.show

    def show(self: LiveWindow, frame: np.ndarray, frames_per_second: float) -> None:
        shown.append((frame.shape, frames_per_second))
        original(self, frame, 1000.0)

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setattr(LiveWindow, "show", show)
    result = player.replay(make_run(tmp_path / "run", "best"), episodes=1, live=True)
    assert shown == [((590, 600, 3), 50.0)] * result.num_frames


@pytest.mark.parametrize(("episodes", "output"), [(0, None), (1, Path("a.gif"))])
def test_bad_requests_are_usage_errors(tmp_path: Path, episodes: int, output: Path | None) -> None:
    with pytest.raises(ConfigError):
        player.replay(make_run(tmp_path / "run", "best"), episodes=episodes, output=output)


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not exist"):
        player.replay(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match=r"holds no checkpoint. Looked for .*policy\.json"):
        player.replay(make_run(tmp_path / "run"))


def test_replay_does_not_import_ray() -> None:
    code = (
        "import sys, rlhp_ray.replay.player, rlhp_ray.replay.episode, rlhp_ray.replay.overlay, "
        "rlhp_ray.replay.video_file, rlhp_ray.envs.registry; sys.exit('ray' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
