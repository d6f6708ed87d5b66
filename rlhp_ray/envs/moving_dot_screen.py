"""The screen of MovingDot: in colour at full size, and as small grey frames computed without drawing the screen.

The dot is a rectangle, so the area average of the 210x160 screen over the cells of an 84x84 grid is the outer product
of a row profile and a column profile. Both are tables, and only the few cells that the dot can touch are ever written.
"""

import numpy as np
import numpy.typing as npt

SCREEN_ROWS = 210
SCREEN_COLUMNS = 160
FRAME_SIZE = 84
FRAME_STACK = 4

DOT_RADIUS = 2  # the dot covers rows y-2..y+1 and columns x-2..x+1
WHITE = 255

_PATCH_ROWS = 3  # 4 screen rows lie in at most 3 cells of 2.5 rows
_PATCH_COLUMNS = 4  # 4 screen columns lie in at most 4 cells of 1.9 columns

Positions = npt.NDArray[np.int64]
"""Dot positions `[..., 2]` as (x, y) in screen pixels, x in 0..159 and y in 0..209."""


def _axis_profile(screen_size: int, patch_size: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """For each position on one axis: the first cell that the dot touches, and its share of the cells from there.

    A position below `DOT_RADIUS` covers nothing: the original slices `screen[y - 2 : y + 2]`, which is empty when the
    start is negative. Only the first frame of an episode can show it, since every move clips the position.

    Returns:
        First cells `[screen_size]` and shares `[screen_size, patch_size]`, as whole numbers of 1/screen_size of a cell,
        so that halves are exact and rounded as they should be.
    """
    position = np.arange(screen_size)[:, None]
    start = np.where(position >= DOT_RADIUS, position - DOT_RADIUS, 0)
    stop = np.where(position >= DOT_RADIUS, np.minimum(position + DOT_RADIUS, screen_size), 0)
    edges = np.arange(FRAME_SIZE + 1) * screen_size
    share = np.maximum(np.minimum(stop * FRAME_SIZE, edges[1:]) - np.maximum(start * FRAME_SIZE, edges[:-1]), 0)
    first = np.minimum((share > 0).argmax(axis=1), FRAME_SIZE - patch_size)
    return first, np.take_along_axis(share, first[:, None] + np.arange(patch_size), axis=1)


_FIRST_ROW, _ROW_SHARE = _axis_profile(SCREEN_ROWS, _PATCH_ROWS)
_FIRST_COLUMN, _COLUMN_SHARE = _axis_profile(SCREEN_COLUMNS, _PATCH_COLUMNS)
_PATCH_OFFSETS = FRAME_SIZE * np.arange(_PATCH_ROWS)[:, None] + np.arange(_PATCH_COLUMNS)


def draw_grey_stacks(trail: Positions) -> npt.NDArray[np.uint8]:
    """Draw the last positions of each dot as stacked grey frames, area-averaged from the full screen.

    Args:
        trail: The positions `[num_envs, frames, 2]` as (x, y), oldest first. (0, 0) draws an empty frame.

    Returns:
        New frames `[num_envs, 84, 84, frames]`, the newest in the last channel.
    """
    num_envs, num_frames, _ = trail.shape
    x, y = trail[..., 0], trail[..., 1]
    covered = _ROW_SHARE[y][..., :, None] * _COLUMN_SHARE[x][..., None, :]
    patches = np.rint(covered * WHITE / (SCREEN_ROWS * SCREEN_COLUMNS))
    first_cell = _FIRST_ROW[y] * FRAME_SIZE + _FIRST_COLUMN[x] + FRAME_SIZE**2 * np.arange(num_envs)[:, None]
    cells = (first_cell[..., None, None] + _PATCH_OFFSETS) * num_frames + np.arange(num_frames)[:, None, None]
    stacks = np.zeros((num_envs, FRAME_SIZE, FRAME_SIZE, num_frames), dtype=np.uint8)
    stacks.reshape(-1)[cells] = patches
    return stacks


def draw_colour_screen(x: int, y: int) -> npt.NDArray[np.uint8]:
    """Draw the whole screen `[210, 160, 3]`: a white dot on black, none where x or y is below 2."""
    screen = np.zeros((SCREEN_ROWS, SCREEN_COLUMNS, 3), dtype=np.uint8)
    if x >= DOT_RADIUS and y >= DOT_RADIUS:
        screen[y - DOT_RADIUS : y + DOT_RADIUS, x - DOT_RADIUS : x + DOT_RADIUS] = WHITE
    return screen
