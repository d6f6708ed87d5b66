"""Where a clip of an Atari game comes from: all that is needed to play it again, in a few kilobytes."""

import json
import zlib
from dataclasses import dataclass, field

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from rlhp_ray.errors import RewardDataError

FORMAT, FORMAT_VERSION = "rlhp clip origin", 1
_COMPRESSION_LEVEL = 1  # of zlib: actions repeat


@dataclass(frozen=True, eq=False)
class GameStretch:
    """A game from its start up to some agent step.

    Args:
        earlier_games: games begun on the console since its ROM was loaded, before this one.
        reset_frames: raw frames that the reset played, FIRE among them.
        opening_steps: 1 where the reset itself was an agent step (next-step autoreset, hidden), which shows the new
            game's first screen; else 0.
        actions: `[steps]` uint8, indices into the game's minimal action set.
    """

    earlier_games: int
    reset_frames: int
    opening_steps: int
    actions: np.ndarray

    def __len__(self) -> int:
        """Agent steps, with that of the reset."""
        return self.opening_steps + len(self.actions)


@dataclass(frozen=True)
class ClipOrigin:
    """The games that a clip shows, each from its start, the last one up to the clip's end.

    Args:
        rom: ALE's name of the game.
        frame_skip: raw frames an agent step.
        first_step: agent step of the first stretch with which the clip begins.
        stretches: one, or more where the game ended, hidden, within the clip.

    Raises:
        RewardDataError: these do not make a clip.
    """

    rom: str
    frame_skip: int
    first_step: int
    stretches: tuple[GameStretch, ...] = field(compare=False)

    def __post_init__(self) -> None:
        sizes = (min(part.earlier_games, part.reset_frames, part.opening_steps) for part in self.stretches)
        if (
            not self.stretches
            or self.frame_skip < 1
            or min(sizes) < 0
            or any(part.actions.dtype != np.uint8 or part.actions.ndim != 1 or not len(part) for part in self.stretches)
            or not 0 <= self.first_step < len(self.stretches[0])
        ):
            raise RewardDataError(
                f"the origin of a clip of {self.rom!r} does not hold together (frame_skip {self.frame_skip}, first "
                f"step {self.first_step}, stretches of {[len(part) for part in self.stretches]} steps); expected at "
                "least one stretch of uint8 actions, the first of which contains the first step."
            )

    def __len__(self) -> int:
        """Agent steps of the clip."""
        return sum(len(part) for part in self.stretches) - self.first_step

    @property
    def size_bytes(self) -> int:
        """Of the actions, before compression."""
        return sum(part.actions.nbytes for part in self.stretches)

    def to_bytes(self) -> bytes:
        """Compressed safetensors, with a JSON header of plain values: an open format without pickle."""
        header = {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "rom": self.rom,
            "frame_skip": self.frame_skip,
            "first_step": self.first_step,
        }
        starts = [
            (part.earlier_games, part.reset_frames, part.opening_steps, len(part.actions)) for part in self.stretches
        ]
        tensors: dict[str, np.ndarray] = {
            "header": np.frombuffer(json.dumps(header).encode(), np.uint8),
            "starts": np.array(starts, np.int64),
            "actions": np.concatenate([part.actions for part in self.stretches]),
        }
        return zlib.compress(save(tensors), _COMPRESSION_LEVEL)

    @classmethod
    def from_bytes(cls, packed: bytes) -> "ClipOrigin":
        """The inverse of `to_bytes`. Raises RewardDataError on foreign, damaged or newer bytes."""
        try:
            tensors = load(zlib.decompress(packed))
            header = json.loads(tensors["header"].tobytes())
            if (header["format"], header["version"]) != (FORMAT, FORMAT_VERSION):
                raise ValueError(f"format {header['format']!r}, version {header['version']!r}")
            return cls(
                str(header["rom"]),
                int(header["frame_skip"]),
                int(header["first_step"]),
                _stretches(tensors["starts"], tensors["actions"]),
            )
        except (zlib.error, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise RewardDataError(
                f"the origin of a clip cannot be read ({error}); expected what version {FORMAT_VERSION} of {FORMAT!r} "
                "wrote. The clip itself can still be judged by its own frames."
            ) from error


def _stretches(starts: np.ndarray, actions: np.ndarray) -> tuple[GameStretch, ...]:
    if starts.ndim != 2 or starts.shape[1] != 4 or not len(starts):
        raise ValueError(f"starts of shape {starts.shape}")
    stops = np.cumsum(starts[:, 3])
    if (starts[:, 3] < 0).any() or stops[-1] != len(actions):
        raise ValueError(f"{len(actions)} actions for stretches of {starts[:, 3].tolist()}")
    parts = np.split(actions, stops[:-1])
    return tuple(
        GameStretch(earlier, frames, opening, part)
        for (earlier, frames, opening, _), part in zip(starts.tolist(), parts, strict=True)
    )
