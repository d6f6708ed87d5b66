"""Which parts of an Atari screen show the score, and the mask that blanks them.

An agent that can read the score could learn its own reward from it, whatever was preferred. So Christiano et al. 2017
(A.2) blank the score, Enduro's speedometer and BeamRider's count of ships, for policy and predictor alike.
"""

import math
from dataclasses import dataclass

import numpy as np

SCREEN_ROWS, SCREEN_COLUMNS = 210, 160
FRAME_SIZE = 84  # of the frames that are learnt from, in both directions


@dataclass(frozen=True)
class ScreenPart:
    """Rows and columns of the screen, the last ones not included."""

    rows: tuple[int, int]
    columns: tuple[int, int] = (0, SCREEN_COLUMNS)


SCORE_PARTS: dict[str, tuple[ScreenPart, ...]] = {
    "pong": (ScreenPart((0, 22)),),
    "enduro": (ScreenPart((160, 210)),),  # distance, day and cars to pass; Rahtz blanks the same rows
    "beam_rider": (ScreenPart((9, 30)), ScreenPart((31, 41), (18, 34))),  # score, sector; ships to hit
    "breakout": (ScreenPart((4, 16)),),
    "qbert": (ScreenPart((5, 15), (32, 74)),),
    "seaquest": (ScreenPart((8, 18)),),
    "space_invaders": (ScreenPart((9, 20)),),
}
"""By the name of the game's ROM: where digits that follow the score were seen to be drawn, on screens of 210 x 160."""


def frame_mask(rom: str) -> np.ndarray | None:
    """`[84, 84]` uint8: 0 where any of a pixel's area shows the score, 255 elsewhere; None for a game without a mask.

    A frame is the screen shrunk by areas: a pixel of row r covers the screen's rows 2.5 r to 2.5 (r + 1). Parts are
    rounded outward, so that no pixel mixes the score in.
    """
    parts = SCORE_PARTS.get(rom)
    if parts is None:
        return None
    mask = np.full((FRAME_SIZE, FRAME_SIZE), 255, np.uint8)
    for part in parts:
        mask[_outward(part.rows, SCREEN_ROWS), _outward(part.columns, SCREEN_COLUMNS)] = 0
    return mask


def blank_score(screen: np.ndarray, rom: str) -> np.ndarray:
    """A screen `[210, 160, 3]` without the score; as it is of a game without a mask."""
    blank = screen.copy()
    for part in SCORE_PARTS.get(rom, ()):
        blank[slice(*part.rows), slice(*part.columns)] = 0
    return blank


def _outward(span: tuple[int, int], screen_size: int) -> slice:
    scale = FRAME_SIZE / screen_size
    return slice(math.floor(span[0] * scale), math.ceil(span[1] * scale))
