"""A label schedule that the user writes in Python."""

import itertools
import math

from rlhp_ray.errors import TeacherError
from rlhp_ray.preferences.user_function import UserFunction, one_line

GRID = 1000  # equal parts of the training at whose ends the function is tried before it is used
ROUNDING = 1e-9  # by which a share may miss its bounds, or fall, in floating point


class OwnShare:
    """`function(progress) -> share`: progress T / T_end in [0, 1], and the share of the later queries due by then.

    Args:
        target: `module:function`.
        end_env_steps: T_end, in env steps.

    Raises:
        TeacherError: it cannot be used, or on a grid of 1,001 points it raises, falls, or returns anything but numbers
            from 0 to 1; so does a later call.
    """

    def __init__(self, target: str, end_env_steps: int) -> None:
        self._function = UserFunction("preferences.schedule", target, ("progress",))
        self._end_env_steps = end_env_steps
        for earlier, later in itertools.pairwise(range(GRID + 1)):
            before, after = self._share(earlier / GRID), self._share(later / GRID)
            if after < before - ROUNDING:
                raise TeacherError(
                    f"{self._function.title} falls from {before:g} at progress {earlier / GRID:g} to {after:g} at "
                    f"{later / GRID:g}; expected the share of the queries that is due by then, which never falls."
                )

    def __call__(self, env_steps: int) -> float:
        return self._share(env_steps / self._end_env_steps)

    def _share(self, progress: float) -> float:
        returned = self._function(progress)
        try:
            share = float(returned)
        except (TypeError, ValueError):
            share = math.nan
        if not math.isfinite(share) or share < -ROUNDING:
            raise TeacherError(self._unexpected(progress, returned))
        if share > 1 + ROUNDING:
            raise TeacherError(f"{self._unexpected(progress, returned)} It asks for more labels than the budget.")
        return min(max(share, 0.0), 1.0)

    def _unexpected(self, progress: float, returned: object) -> str:
        return (
            f"{self._function.title} returned {one_line(returned)} at progress {progress:g}; expected the share of the "
            "queries that is due by then, a number from 0 to 1."
        )
