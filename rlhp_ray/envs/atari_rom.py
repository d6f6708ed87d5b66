"""The file of an Atari game, or an error that says what to do without it; and how long a game may last."""

import warnings
from pathlib import Path

from ale_py import roms

from rlhp_ray.errors import EnvironmentNotSupportedError

_MOST_FRAMES = 108_000  # half an hour at 60 frames per second, as of Gymnasium's own ids
_FRAMES = {"enduro": 3_000}  # by ROM: games cut short; Enduro before its weather changes (Rahtz)


def game_frames(rom: str) -> int:
    """Raw frames after its opening no-ops at which a game is cut short."""
    return _FRAMES.get(rom, _MOST_FRAMES)


def require_rom(rom: str) -> Path:
    """Path of a game's ROM.

    Args:
        rom: name of the game, in small letters and underscores.

    Raises:
        EnvironmentNotSupportedError: there is none in the installed ale_py, or it is damaged.
    """
    reason = "ale_py has no ROM of that name"
    try:
        with warnings.catch_warnings(action="ignore"):  # it warns of what is raised here
            path = roms.get_rom_path(rom)
    except OSError as error:  # the directory or the file is missing, or its checksum is wrong
        path, reason = None, str(error).rstrip(".")
    if path is None:
        raise EnvironmentNotSupportedError(
            f"The Atari game {rom!r} has no usable ROM: {reason}; expected the one that comes with ale_py. "
            "Install it again with `pip install --force-reinstall --no-deps ale-py`, or choose another env.id."
        )
    return path
