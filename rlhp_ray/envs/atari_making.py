"""Making Atari games by their Gymnasium id, and what is known of a game without making it."""

from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import VectorEnv

from rlhp_ray.envs.env_lookup import ATARI_NAMESPACE

DEFAULT_FRAME_SKIP = 4  # C17 A.2
GAME_BYTES = 1_600_000  # of one more copy in the native environment, as the process grew by 100 of Pong
HORIZON = 1_000
"""Agent steps of an episode in which games' ends are hidden. A game may last 27,000, all of whose frames RLlib would
hold until its end; and what lies farther ahead than a thousand steps no usual discount sees."""


def rom_of(spec: EnvSpec) -> str | None:
    """Name of the game's ROM; None of an environment that is no Atari game by its `ALE/` id."""
    return str(spec.kwargs["game"]) if spec.namespace == ATARI_NAMESPACE else None


def make_atari_game(rom: str, frame_skip: int | None, hides_score: bool, render_mode: str | None) -> gym.Env:
    """A single game with visible ends; see `AtariGameEnv`."""
    from rlhp_ray.envs.atari_game import AtariGameEnv  # ale_py, which only those who play Atari wait for
    from rlhp_ray.envs.atari_rom import require_rom

    require_rom(rom)
    return AtariGameEnv(
        rom, frame_skip=frame_skip or DEFAULT_FRAME_SKIP, hides_score=hides_score, render_mode=render_mode
    )


def make_atari_games(rom: str, num_envs: int, *, frame_skip: int | None, **settings: Any) -> VectorEnv:
    """Games side by side; see `AtariGameVectorEnv` for the settings."""
    from rlhp_ray.envs.atari_rom import require_rom
    from rlhp_ray.envs.atari_vector import AtariGameVectorEnv

    require_rom(rom)
    return AtariGameVectorEnv(rom, num_envs, frame_skip=frame_skip or DEFAULT_FRAME_SKIP, **settings)
