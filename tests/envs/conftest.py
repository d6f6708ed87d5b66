"""Fixtures of the tests of environments."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from ale_py.vector_env import AtariVectorEnv

from rlhp_ray.envs.action_log import ActionLog
from rlhp_ray.envs.atari_rom import game_frames
from rlhp_ray.envs.score_mask import FRAME_SIZE, SCREEN_COLUMNS, SCREEN_ROWS


@dataclass
class NativeGames:
    """Random play of one game in `num_envs` environments; each vector step, resets too, is an agent step."""

    rom: str
    num_envs: int = 1
    clip_steps: int = 25
    seed: int = 1
    newest: list[np.ndarray] = field(default_factory=list)
    points: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.env = AtariVectorEnv(
            self.rom,
            self.num_envs,
            reward_clipping=False,
            num_threads=1,
            max_num_frames_per_episode=game_frames(self.rom),
        )
        self.log = ActionLog(self.rom, 4, self.num_envs, self.clip_steps, 27_000)
        self.rng = np.random.default_rng(self.seed)
        self.num_actions = len(self.env.ale.get_action_set())
        self.reset(self.seed)

    def reset(self, seed: int | None = None) -> None:
        self.over = np.zeros(self.num_envs, bool)
        _, infos = self.env.reset(seed=seed)
        self.log.begin(range(self.num_envs), infos["episode_frame_number"], console_loaded=seed is not None)

    def step(self) -> None:
        actions = self.rng.integers(0, self.num_actions, self.num_envs)
        observations, points, terminated, truncated, infos = self.env.step(actions)
        self.log.record(actions, self.over, infos["episode_frame_number"])
        self.newest.append(observations[:, -1])
        self.points.append(points)
        self.over = terminated | truncated


def area_weights(screen_size: int) -> np.ndarray:
    """`[84, screen_size]`: how much of each screen line lies in each line of the frame."""
    edges = np.linspace(0, screen_size, FRAME_SIZE + 1)
    lines = np.arange(screen_size)
    inside = np.minimum(edges[1:, None], lines + 1) - np.maximum(edges[:-1, None], lines)
    return inside.clip(0) / (screen_size / FRAME_SIZE)


@pytest.fixture(scope="session")
def shrunk() -> Callable[[np.ndarray], np.ndarray]:
    """Shrinks a grey screen `[210, 160]` to a frame `[84, 84]`, each pixel the mean of its area."""
    rows, columns = area_weights(SCREEN_ROWS), area_weights(SCREEN_COLUMNS)
    return lambda screen: np.rint(rows @ screen @ columns.T).astype(np.uint8)


@pytest.fixture
def native_games() -> Callable[..., NativeGames]:
    """Makes native games with a log."""
    return NativeGames
