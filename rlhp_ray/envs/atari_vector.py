"""Many copies of an Atari game side by side, as C17 A.2 sees them: grey stacks, no score, hidden ends."""

import math
from typing import Any

import gymnasium as gym
import numpy as np
from ale_py.vector_env import AtariVectorEnv
from gymnasium.vector import AutoresetMode, VectorEnv

from rlhp_ray.envs.action_log import ActionLog
from rlhp_ray.envs.atari_rom import game_frames
from rlhp_ray.envs.game_infos import GAME_OVER_KEY, RAW_SCORE_KEY
from rlhp_ray.envs.score_mask import FRAME_SIZE, frame_mask

FRAME_STACK = 4
MAX_NO_OPS = 30  # of random number at a game's start, after FIRE where there is one
_NO_OP = 0
_WITHOUT_NO_OP = ("backgammon", "video_checkers")  # of ale_py's 104 games; their first action is FIRE
_LARGEST_SEED = 2**31  # of ale_py
_STACK = np.dtype("<u4")  # four frames in one number, the oldest in the first byte


class AtariGameVectorEnv(VectorEnv):
    """An Atari game by the native `AtariVectorEnv`: observations `[num_envs, 84, 84, 4]` uint8, the newest frame last.

    Rewards are points clipped to [-1, 1], which C17's baseline learns from and its oracle sees; `RAW_SCORE_KEY` and
    `GAME_OVER_KEY` of the infos tell the points themselves and where a game ended. Sticky actions are off, life loss
    goes unnoticed, games start with up to 30 no-ops. After a game's start older frames of a stack are black.

    With a horizon the ends of games are hidden: no flag is raised, the reset takes a step like any other, and the
    reward of the game's last step is lowered by the penalty. Every copy is truncated after `horizon` agent steps, which
    has nothing to do with its game: that goes on, with a no-op and no reward in the step that is taken for a reset. Of
    the minimal actions of Backgammon and VideoCheckers none does nothing; there the action before is played once more,
    in place of a FIRE that nobody chose.

    Args:
        rom: name of the game, in small letters and underscores.
        num_envs: copies.
        frame_skip: raw frames of an agent step; the last two are shown, each pixel at its brightest.
        horizon: agent steps of an episode in which ends are hidden; None leaves the ends of games visible.
        termination_penalty: with a horizon: charged to the reward where a game is over, not where it is cut short.
        hides_score: blank the score, for a game whose mask is known.
        num_threads: of the native environment. One, since the other cores are those of env runners and of the reward
            learner: with two, 16 games of Pong made 5,000 steps/s in place of 2,600 on two idle cores, 3,200 with one
            core taken, and 1,100 in place of 2,600 where more was running than there were cores.
    """

    def __init__(
        self,
        rom: str,
        num_envs: int,
        *,
        frame_skip: int = 4,
        horizon: int | None = None,
        termination_penalty: float = 0.0,
        hides_score: bool = True,
        num_threads: int = 1,
    ) -> None:
        self._games = AtariVectorEnv(
            rom,
            num_envs,
            num_threads=num_threads,
            max_num_frames_per_episode=game_frames(rom),
            repeat_action_probability=0.0,
            img_height=FRAME_SIZE,
            img_width=FRAME_SIZE,
            stack_num=FRAME_STACK,
            frameskip=frame_skip,
            noop_max=MAX_NO_OPS,
            reward_clipping=False,
        )
        self.num_envs = num_envs
        self.metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}
        self.single_observation_space = gym.spaces.Box(0, 255, (FRAME_SIZE, FRAME_SIZE, FRAME_STACK), np.uint8)
        self.observation_space = gym.vector.utils.batch_space(self.single_observation_space, num_envs)
        self.single_action_space = self._games.single_action_space
        self.action_space = self._games.action_space
        self._mask = frame_mask(rom) if hides_score else None
        self._horizon = horizon
        self._termination_penalty = termination_penalty
        self._stacks = np.zeros((num_envs, FRAME_SIZE, FRAME_SIZE), _STACK)
        self._starts_anew = np.ones(num_envs, bool)
        self._rests = np.zeros(num_envs, bool)
        self._age = np.zeros(num_envs, np.int64)
        self._played = np.zeros(num_envs, np.int64)
        self._rom, self._frame_skip = rom, frame_skip
        self._has_no_op = rom not in _WITHOUT_NO_OP
        self._log: ActionLog | None = None
        self._has_begun = False

    def log_actions(self, clip_steps: int) -> ActionLog:
        """Keep what is played from the next reset on, so that clips of up to `clip_steps` can be played again."""
        max_game_steps = math.ceil(game_frames(self._rom) / self._frame_skip)
        self._log = ActionLog(self._rom, self._frame_skip, self.num_envs, clip_steps, max_game_steps)
        return self._log

    def reset(
        self, *, seed: int | list[int] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start all games anew, of whatever is in `options`.

        Infos: `episode_frame_number`, from which the number of no-ops follows.
        """
        seeds: np.ndarray | None = None
        if seed is not None:
            first = seed if isinstance(seed, list) else seed + np.arange(self.num_envs)
            seeds = np.asarray(first) % _LARGEST_SEED
        native: np.ndarray
        native, infos = self._games.reset(seed=seeds)
        if self._log is not None:
            loaded = seeds is not None or not self._has_begun
            self._log.begin(range(self.num_envs), infos["episode_frame_number"], console_loaded=loaded)
        self._has_begun = True
        self._starts_anew = np.ones(self.num_envs, bool)  # not in place: the last step's infos hold the one before
        self._rests[:], self._age[:] = False, 0
        observations = self._stacked(native)
        self._starts_anew = np.zeros(self.num_envs, bool)
        return observations, {"episode_frame_number": infos["episode_frame_number"]}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Play one agent step of each game."""
        chosen = np.where(self._rests, _NO_OP if self._has_no_op else self._played, actions)
        self._played = chosen
        native, points, terminated, truncated, native_infos = self._games.step(chosen)
        if self._log is not None:
            self._log.record(chosen, self._starts_anew, native_infos["episode_frame_number"])
        over = terminated | truncated
        observations = self._stacked(native)
        self._starts_anew = over
        rewards = np.clip(points, -1, 1).astype(np.float64)
        infos = {RAW_SCORE_KEY: points.astype(np.float64), GAME_OVER_KEY: over}
        if self._horizon is None:
            return observations, rewards, terminated, truncated, infos
        rewards = np.where(self._rests, 0.0, rewards - self._termination_penalty * terminated)
        self._age = np.where(self._rests, 0, self._age + 1)
        self._rests = self._age == self._horizon
        return observations, rewards, np.zeros(self.num_envs, bool), self._rests.copy(), infos

    def _stacked(self, native: np.ndarray) -> np.ndarray:
        """Shift the newest frames into the stacks: five times as fast as to reorder all of them."""
        newest = native[:, -1]
        if self._mask is not None:
            newest = newest & self._mask
        stacks = self._stacks >> np.uint32(8)
        stacks[self._starts_anew] = 0
        stacks |= newest.astype(_STACK) << np.uint32(24)
        self._stacks = stacks
        return stacks.view(np.uint8).reshape(*stacks.shape, FRAME_STACK)

    def close_extras(self, **kwargs: Any) -> None:
        """Stop the native environment's threads."""
        self._games.close()
