"""What the user writes in Python to be taught: a reward of the teacher's own, or the teacher itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rlhp_ray.clips.clip import Clip
from rlhp_ray.errors import TeacherError
from rlhp_ray.preferences.preference import Answer
from rlhp_ray.preferences.user_function import UserFunction, one_line

if TYPE_CHECKING:
    from rlhp_ray.clips.rendering import ClipRenderer


def asks_for_ram(target: str) -> bool:
    """Whether a reward function must be given a console's RAM. Raises TeacherError where it cannot be used."""
    return "ram" in _reward_function(target).optional


class OwnReward:
    """`function(observations, actions) -> rewards [clip_steps]`, in the place of the environment's reward.

    It is given the arrays of one `Clip`, read-only: observations `[clip_steps, *observation_shape]`, unscaled, each
    what the action beside it was chosen from; of stacked frames the single ones `[stack - 1 + clip_steps, height,
    width]`, of which frame `stack - 1 + t` is the newest at step t; and actions `[clip_steps, *action_shape]`. One that
    has a parameter `ram` as its third is also given the console's RAM of an Atari clip, uint8 `[clip_steps, 128]`, as
    each action left it: the clip's games are played again for that, a thousand agent steps in 0.3 s.

    Args:
        target: `module:function`.

    Raises:
        TeacherError: it cannot be used; or, when called, it raises or returns anything but `clip_steps` finite numbers.
        RewardDataError: when called: it asks for the RAM of a clip that cannot be played again.
    """

    def __init__(self, target: str) -> None:
        self._function = _reward_function(target)
        self._renderer: ClipRenderer | None = None
        if "ram" in self._function.optional:
            from rlhp_ray.clips.rendering import ClipRenderer  # ale_py, which only those who play Atari wait for

            self._renderer = ClipRenderer()

    def __call__(self, clip: Clip) -> np.ndarray:
        ram = [] if self._renderer is None else [self._renderer.ram(clip)]
        returned = self._function(_read_only(clip.observations), _read_only(clip.actions), *ram)
        try:
            rewards = np.asarray(returned, np.float64)
        except (TypeError, ValueError):
            raise TeacherError(f"{self._expected(clip)}, got {one_line(returned)}.") from None
        if rewards.shape != (len(clip),):
            raise TeacherError(f"{self._expected(clip)}, got the shape {list(rewards.shape)}.")
        if not np.isfinite(rewards).all():
            step = int(np.flatnonzero(~np.isfinite(rewards))[0])
            raise TeacherError(f"{self._expected(clip)}, got {rewards[step]} at step {step}.")
        return rewards

    def _expected(self, clip: Clip) -> str:
        return f"{self._function.title}: expected an array [{len(clip)}] of finite numbers, one reward a step"


class CallableTeacher:
    """`function(left: Clip, right: Clip, rng) -> Answer`, or its text: it answers by itself.

    Args:
        target: `module:function`.

    Raises:
        TeacherError: it cannot be used; or, when called, it raises or returns something else.
    """

    def __init__(self, target: str) -> None:
        self.name = f"callable={target}"
        self._function = UserFunction("teacher.callable", target, ("left", "right", "rng"))

    def calibrate(self, recent: Sequence[Clip]) -> list[str]:
        return []

    def answer(self, left: Clip, right: Clip, rng: np.random.Generator) -> Answer:
        said = self._function(left, right, rng)
        try:
            return Answer(said)
        except ValueError:
            known = ", ".join(Answer)
            raise TeacherError(f"{self._function.title} answered {one_line(said)}; expected one of {known}.") from None


def _reward_function(target: str) -> UserFunction:
    return UserFunction("teacher.reward_function", target, ("observations", "actions"), optional=("ram",))


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False  # the reward learner trains on the same memory
    return view
