"""The picture of a replay: the environment's frame, a caption, and the rewards over time with a moving cursor.

The plot of an episode is rendered once, empty and full; each frame takes the full one left of the cursor and the empty
one right of it, which costs no more than a copy.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from rlhp_ray.replay.episode import Episode
from rlhp_ray.replay.frame_spool import fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MIN_FRAME_HEIGHT = 320
MIN_WIDTH = 560
MAX_WIDTH = 1920
CAPTION_HEIGHT = 30
CAPTION_FONT_PIXELS = (14, 12, 10, 8)
PLOT_HEIGHT = 160
TRUE_COLOR, PREDICTED_COLOR, INK, BACKDROP = "#0072B2", "#D55E00", "#222222", (198, 202, 206)
_DPI = 100


@dataclass(frozen=True)
class Layout:
    """Sizes in pixels, all even, as yuv420p video requires. `frame_height` and `frame_width` are the environment's."""

    frame_height: int
    frame_width: int

    @property
    def scale(self) -> int:
        """Whole factor that brings small frames to about MIN_FRAME_HEIGHT."""
        wanted = math.ceil(MIN_FRAME_HEIGHT / self.frame_height)
        return max(1, min(wanted, MAX_WIDTH // self.frame_width))

    @property
    def width(self) -> int:
        return _even(max(MIN_WIDTH, self.frame_width * self.scale))

    @property
    def picture_height(self) -> int:
        return _even(self.frame_height * self.scale)

    @property
    def height(self) -> int:
        return self.picture_height + CAPTION_HEIGHT + PLOT_HEIGHT


def _even(pixels: int) -> int:
    return pixels + pixels % 2


def draw_episode(layout: Layout, episode: Episode, title: str) -> Iterator[np.ndarray]:
    """Yields one picture, uint8 [layout.height, layout.width, 3], for each kept frame of the episode.

    Args:
        layout: sizes; frames of another size are scaled to it.
        episode: rewards beyond the last kept frame are not drawn.
        title: how the caption begins, for instance "episode 1/3".
    """
    if not len(episode.frames):
        return
    num_steps = len(episode.frames) - 1
    true = episode.true_rewards[:num_steps]
    predicted = None if episode.predicted_rewards is None else episode.predicted_rewards[:num_steps]
    plot = _RewardPlot(layout.width, true, predicted)
    true_return, predicted_return = _returns(true), None if predicted is None else _returns(predicted)
    picture_end, caption_end = layout.picture_height, layout.picture_height + CAPTION_HEIGHT
    for step, frame in enumerate(episode.frames):
        canvas = np.full((layout.height, layout.width, 3), BACKDROP, dtype=np.uint8)
        frame = fit(frame, (layout.frame_height, layout.frame_width))
        frame = frame.repeat(layout.scale, axis=0).repeat(layout.scale, axis=1)
        left = (layout.width - frame.shape[1]) // 2
        canvas[: frame.shape[0], left : left + frame.shape[1]] = frame
        words = [(f"{title}   step {step:,}/{len(episode.true_rewards):,}", INK)]
        words.append((f"true return {true_return[step]:,.1f}", TRUE_COLOR))
        if predicted_return is not None:
            words.append((f"predicted return {predicted_return[step]:,.1f}", PREDICTED_COLOR))
        canvas[picture_end:caption_end] = _caption(layout.width, words)
        canvas[caption_end:] = plot.at(step)
        yield canvas


def _returns(rewards: np.ndarray) -> np.ndarray:
    """Rewards [steps] -> return after each step [steps + 1], 0 before the first."""
    return np.concatenate([[0.0], np.cumsum(rewards)])


def _caption(width: int, words: list[tuple[str, str]]) -> np.ndarray:
    """Texts with their colours, spread over the width, in the largest font that leaves room between them."""
    image = Image.new("RGB", (width, CAPTION_HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    draw.line([(0, 0), (width, 0)], fill="#999999")
    for pixels in CAPTION_FONT_PIXELS:
        font = _font(pixels)
        gap = (width - 24 - sum(draw.textlength(text, font=font) for text, _ in words)) / max(1, len(words) - 1)
        if gap >= 16:
            break
    x = 12.0
    for text, color in words:
        draw.text((x, CAPTION_HEIGHT / 2 + 2), text, fill=color, font=font, anchor="lm")
        x += draw.textlength(text, font=font) + gap
    return np.asarray(image)


@cache
def _font(pixels: int) -> ImageFont.FreeTypeFont:
    from matplotlib import font_manager

    return ImageFont.truetype(font_manager.findfont("DejaVu Sans"), pixels)


class _RewardPlot:
    """Rewards over the steps of one episode: true on the left axis, predicted (its own unit) on the right one."""

    def __init__(self, width: int, true: np.ndarray, predicted: np.ndarray | None) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(width / _DPI, PLOT_HEIGHT / _DPI), dpi=_DPI, facecolor="white")
        canvas = FigureCanvasAgg(figure)
        right_margin = 20 if predicted is None else 74
        self._left, self._right = 74, width - right_margin
        self._num_steps = max(1, len(true))
        box = (74 / width, 40 / PLOT_HEIGHT, (self._right - self._left) / width, 1 - 48 / PLOT_HEIGHT)
        axes = figure.add_axes(box)
        axes.set_xlabel("step", fontsize=9, labelpad=1)
        axes.grid(True, color="#e4e4e4", linewidth=0.6)
        lines, self._dots = [], []
        for name, rewards, color, style in (
            ("true reward", true, TRUE_COLOR, "-"),
            ("predicted reward", predicted, PREDICTED_COLOR, (0, (4, 1.5))),
        ):
            if rewards is None:
                continue
            own_axes = axes if name == "true reward" else axes.twinx()
            lines.append(_draw_line(own_axes, name, rewards, color, style))
            heights = own_axes.transData.transform(np.stack([np.zeros(len(rewards)), rewards], axis=1))[:, 1]
            self._dots.append((PLOT_HEIGHT - heights, color))
        axes.set_xlim(0, self._num_steps)
        self._full = _pixels(canvas)
        for line in lines:
            line.set_visible(False)
        self._empty = _pixels(canvas)

    def at(self, step: int) -> np.ndarray:
        """The plot up to `step`, uint8 [PLOT_HEIGHT, width, 3]."""
        x = round(self._left + (self._right - self._left) * step / self._num_steps)
        pixels = self._empty.copy()
        pixels[:, :x] = self._full[:, :x]
        image = Image.fromarray(pixels)
        draw = ImageDraw.Draw(image)
        draw.line([(x, 8), (x, PLOT_HEIGHT - 40)], fill="#777777", width=1)
        for heights, color in self._dots:
            if step > 0 and np.isfinite(heights[step - 1]):
                y = heights[step - 1]
                draw.ellipse([(x - 4, y - 4), (x + 4, y + 4)], fill=color, outline="white")
        return np.asarray(image)


def _draw_line(axes: "Axes", name: str, rewards: np.ndarray, color: str, style: Any) -> Any:
    (line,) = axes.plot(np.arange(1, len(rewards) + 1), rewards, color=color, linestyle=style, linewidth=1.8)
    finite = rewards[np.isfinite(rewards)]
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 1.0)
    margin = 0.1 * (high - low) or max(0.5, 0.1 * abs(high))
    axes.set_ylim(low - margin, high + margin)
    axes.locator_params(axis="y", nbins=4)
    axes.tick_params(axis="y", colors=color, labelsize=9)
    axes.tick_params(axis="x", labelsize=9)
    axes.set_ylabel(name, color=color, fontsize=9)
    axes.spines["top"].set_visible(False)
    return line


def _pixels(canvas: Any) -> np.ndarray:
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
