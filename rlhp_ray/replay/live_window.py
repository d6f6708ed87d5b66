"""A window that shows the frames of a replay at the environment's speed."""

import os
import sys
from types import TracebackType
from typing import Any, Self

import numpy as np

from rlhp_ray.errors import RlhpError

TITLE = "rlhp replay (Esc closes)"


class LiveWindow:
    """A pygame window; it opens with the first frame. Closing it (Esc) leaves the video being written.

    Raises:
        RlhpError: at construction, where no display exists.
    """

    def __init__(self) -> None:
        drivers = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
        if sys.platform.startswith("linux") and not any(os.environ.get(name) for name in drivers):
            raise _no_display("neither DISPLAY nor WAYLAND_DISPLAY is set")
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
        try:
            import pygame
        except ImportError as error:
            raise RlhpError(
                f"A live window needs pygame ({error}): pip install pygame, or leave out --live."
            ) from error
        self._pygame = pygame
        try:
            pygame.display.init()
        except pygame.error as error:
            raise _no_display(str(error)) from error
        self._clock = pygame.time.Clock()
        self._screen: Any = None
        self.closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._close()

    def show(self, frame: np.ndarray, frames_per_second: float) -> None:
        """Shows one frame, uint8 [height, width, 3], for the rest of its time; does nothing once closed."""
        if self.closed:
            return
        pygame = self._pygame
        if self._screen is None:
            try:
                self._screen = pygame.display.set_mode((frame.shape[1], frame.shape[0]))
            except pygame.error as error:
                raise _no_display(str(error)) from error
            pygame.display.set_caption(TITLE)
        for event in pygame.event.get():
            if event.type == pygame.QUIT or (event.type == pygame.KEYDOWN and event.key == pygame.K_ESCAPE):
                self._close()
                return
        self._screen.blit(pygame.surfarray.make_surface(frame.swapaxes(0, 1)), (0, 0))
        pygame.display.flip()
        self._clock.tick(frames_per_second)

    def _close(self) -> None:
        if not self.closed:
            self._pygame.display.quit()
        self.closed = True


def _no_display(reason: str) -> RlhpError:
    return RlhpError(f"No window can be opened here: {reason}. Leave out --live: the MP4 shows the same frames.")
