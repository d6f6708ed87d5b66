"""MovingDot as a native vector environment: many dots stepped at once, with next-step autoreset.

Its rules are in `moving_dot_rules`, its drawing in `moving_dot_screen`.
"""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from rlhp_ray.envs.moving_dot_rules import (
    DEFAULT_FRAME_SKIP,
    EPISODE_RAW_STEPS,
    LAST_POSITION,
    MOVES,
    RAW_STEPS_PER_SECOND,
    continuous_directions,
    discrete_directions,
    episode_agent_steps,
    move_dots,
)
from rlhp_ray.envs.moving_dot_screen import (
    FRAME_SIZE,
    FRAME_STACK,
    WHITE,
    Positions,
    draw_colour_screen,
    draw_grey_stacks,
)
from rlhp_ray.errors import ConfigError

ObservationMode = Literal["coordinates", "pixels"]


class MovingDotVectorEnv(VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """Many MovingDots stepped at once, without a loop over them.

    An agent step is `frame_skip` raw steps with one action. Each raw step pays +1 if the Euclidean distance to the
    centre fell, -1 if it rose, 0 if it is unchanged; the reward of an agent step is the sum. An episode is 1,000 raw
    steps and ends in truncation, never in termination. Autoreset is next-step: the step after an end is the reset, pays
    0 and ignores its action. Infos are empty.

    The discrete dot stays or moves by one pixel. The continuous one takes two numbers in [-1, 1] and moves on *each*
    axis, by +1 where the number is >= 0.1 and by -1 elsewhere: it cannot stay. Kept as in the original is that its
    reward can be farmed: at a side wall, moves *into* the wall while approaching the centre on the other axis are paid,
    and the sign of a change does not tell a small one from a large one. A cycle of 16 raw steps there earns +8, hence
    +496 an episode, where going to the centre earns about 62. A high true return of the continuous dot is no evidence
    that it found the centre.

    `reset(options={"starts": points})` puts the dots at exact points `[num_envs, 2]`, as (x, y) in screen pixels; the
    resets that follow by themselves are random again.

    Args:
        num_envs: The number of dots.
        observation_mode: `coordinates`, the float32 pair (x/159, y/209) in [0, 1]; or `pixels`, uint8 `[84, 84, 4]`
            grey frames with the newest last and zeros for what was before the episode.
        continuous: Two continuous numbers instead of five discrete actions.
        frame_skip: Raw steps per agent step.
        random_start: Start uniformly on the screen, else in the corner (0, 0).
        max_episode_steps: Truncate already after so many agent steps; None for the 1,000 raw steps.
        render_mode: `rgb_array` for `render()` in colour at 210x160, or None.

    Attributes:
        frame_stack: Stacked frames in an observation, None for coordinates.
        episode_steps: The length of an episode in agent steps.
    """

    def __init__(
        self,
        num_envs: int = 1,
        *,
        observation_mode: ObservationMode = "coordinates",
        continuous: bool = False,
        frame_skip: int = DEFAULT_FRAME_SKIP,
        random_start: bool = True,
        max_episode_steps: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        _check_settings(num_envs, observation_mode, frame_skip, max_episode_steps, render_mode)
        self.metadata = {
            "render_modes": ["rgb_array"],
            "render_fps": max(1, RAW_STEPS_PER_SECOND // frame_skip),
            "autoreset_mode": AutoresetMode.NEXT_STEP,
        }
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.frame_stack = FRAME_STACK if observation_mode == "pixels" else None
        self.episode_steps = min(episode_agent_steps(frame_skip), max_episode_steps or EPISODE_RAW_STEPS)
        self.single_observation_space = _observation_space(observation_mode)
        self.single_action_space = Box(-1.0, 1.0, (2,), np.float32) if continuous else Discrete(len(MOVES))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._continuous = continuous
        self._frame_skip = frame_skip
        self._random_start = random_start
        self._raw_step_limit = min(EPISODE_RAW_STEPS, self.episode_steps * frame_skip)
        self._trail: Positions = np.zeros((num_envs, FRAME_STACK, 2), dtype=np.int64)
        self._raw_steps = np.zeros(num_envs, dtype=np.int64)
        self._ended = np.zeros(num_envs, dtype=np.bool_)

    @property
    def positions(self) -> Positions:
        """Where the dots are now: `[num_envs, 2]` as (x, y) in screen pixels."""
        return self._trail[:, -1].copy()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start all dots anew, at `options["starts"]` if given; see the class."""
        super().reset(seed=seed)
        everyone = np.ones(self.num_envs, dtype=np.bool_)
        given = (options or {}).get("starts")
        self._restart(everyone, self._draw_starts(self.num_envs) if given is None else self._checked_starts(given))
        self._ended[:] = False
        return self._observe(), {}

    def step(self, actions: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Move all dots for one agent step; those whose episode had ended are reset instead.

        Args:
            actions: `[num_envs]` integers in 0..4, or `[num_envs, 2]` numbers in [-1, 1] if continuous.

        Returns:
            Observations `[num_envs, ...]`, rewards float64 `[num_envs]`, terminations (all False), truncations, `{}`.
        """
        actions = np.asarray(actions)
        if actions.shape != self.action_space.shape:
            raise ValueError(f"MovingDot got actions of shape {actions.shape}; expected {self.action_space.shape}.")
        directions = continuous_directions(actions) if self._continuous else discrete_directions(actions)
        raw_steps = np.minimum(self._raw_step_limit - self._raw_steps, self._frame_skip)
        positions, rewards = move_dots(self._trail[:, -1], directions, raw_steps)
        self._raw_steps += raw_steps
        self._trail[:, :-1] = self._trail[:, 1:]
        self._trail[:, -1] = positions
        if self._ended.any():  # these had no raw steps left, hence neither moved nor were paid
            self._restart(self._ended, self._draw_starts(int(self._ended.sum())))
        self._ended = self._raw_steps >= self._raw_step_limit
        return self._observe(), rewards, np.zeros(self.num_envs, dtype=np.bool_), self._ended.copy(), {}

    def render(self) -> tuple[np.ndarray, ...] | None:  # type: ignore[override]  # its frame type is a free TypeVar
        """The colour screens, one uint8 `[210, 160, 3]` per dot, or None without a render mode."""
        if self.render_mode is None:
            return None
        return tuple(draw_colour_screen(x, y) for x, y in self._trail[:, -1].tolist())

    def _restart(self, which: npt.NDArray[np.bool_], starts: Positions) -> None:
        self._trail[which] = 0  # draws an empty frame
        self._trail[which, -1] = starts
        self._raw_steps[which] = 0

    def _draw_starts(self, count: int) -> Positions:
        if not self._random_start:
            return np.zeros((count, 2), dtype=np.int64)
        return self.np_random.integers(0, LAST_POSITION, size=(count, 2), endpoint=True)

    def _checked_starts(self, given: npt.ArrayLike) -> Positions:
        starts = np.asarray(given)
        if starts.shape != (self.num_envs, 2) or starts.dtype.kind not in "iu":
            raise ValueError(
                f'MovingDot got options["starts"] of shape {starts.shape} and type {starts.dtype}; expected integers '
                f"({self.num_envs}, 2), one (x, y) per environment. `stratified_starts({self.num_envs})` makes them."
            )
        if (starts < 0).any() or (starts > LAST_POSITION).any():
            raise ValueError(
                f'MovingDot got options["starts"] from {starts.min(axis=0)} to {starts.max(axis=0)}; expected x in '
                f"0..{LAST_POSITION[0]} and y in 0..{LAST_POSITION[1]}."
            )
        return starts.astype(np.int64)

    def _observe(self) -> np.ndarray:
        if self.frame_stack is not None:
            return draw_grey_stacks(self._trail)
        return (self._trail[:, -1] / LAST_POSITION).astype(np.float32)


def _observation_space(observation_mode: ObservationMode) -> Box:
    if observation_mode == "pixels":
        return Box(0, WHITE, (FRAME_SIZE, FRAME_SIZE, FRAME_STACK), np.uint8)
    return Box(0.0, 1.0, (2,), np.float32)


def _check_settings(
    num_envs: int, observation_mode: str, frame_skip: int, max_episode_steps: int | None, render_mode: str | None
) -> None:
    counts = {"num_envs": num_envs, "frame_skip": frame_skip, "max_episode_steps": max_episode_steps}
    for name, value in counts.items():
        if value is not None and value < 1:
            raise ConfigError(f"MovingDot got {name}={value}; expected 1 or more.")
    if observation_mode not in ("coordinates", "pixels"):
        raise ConfigError(f'MovingDot got observation_mode={observation_mode!r}; expected "coordinates" or "pixels".')
    if render_mode not in (None, "rgb_array"):
        raise ConfigError(f'MovingDot got render_mode={render_mode!r}; expected "rgb_array" or None.')
