"""What the figures of a report share: size, looks of settings, axes, legend.

Figures are narrow, with large letters: they are still legible where a phone shows them at a third of their size.
Settings differ by colour (Okabe and Ito's palette, without its yellow), line style, marker and hatch at once, so that
neither a grey printer nor colour-blind eyes confuse them.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rlhp_ray.experiment.picture_file import BLUE, DPI, GREEN, GREY, VERMILION
from rlhp_ray.report.run_groups import Setting

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 6.4, 4.2  # inches; at 150 dpi 960 x 630 pixels
LETTERS = 11.5  # points
LEGEND_LINES, LINE_INCHES = 2, 0.22
MAX_DRAWN = 8
"""Settings in one figure (ours): more could not be told apart. The tables hold all."""

_COLOURS = (BLUE, VERMILION, GREEN, "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7A5C00")
_STYLES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (3, 2)), (0, (8, 3)), (0, (1, 2)))
_MARKERS = "osD^vPX*"
_HATCHES = ("", "///", "...", "xxx", "\\\\\\", "+++", "ooo", "---")
_LEGEND_CHARACTERS = 58


class Look(NamedTuple):
    """How a setting is drawn, in every figure alike."""

    colour: str
    style: Any
    marker: str
    hatch: str


def look_of(index: int) -> Look:
    """The look of the setting at a place, below `MAX_DRAWN`, of its environment."""
    return Look(_COLOURS[index], _STYLES[index], _MARKERS[index], _HATCHES[index])


def drawn(settings: Sequence[Setting]) -> list[tuple[Setting, Look]]:
    """The settings that a figure shows, each with its look."""
    return [(setting, look_of(index)) for index, setting in enumerate(settings[:MAX_DRAWN])]


def new_figure(settings: int, height: float = HEIGHT) -> "Figure":
    """A figure with a canvas of its own: no global state, no display.

    Args:
        settings: that its legend names; it grows with them, so that the axes do not shrink.
        height: in inches, with a legend of up to `LEGEND_LINES`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(
        figsize=(WIDTH, height + LINE_INCHES * max(0, min(settings, MAX_DRAWN) - LEGEND_LINES)),
        dpi=DPI,
        layout="constrained",
    )
    FigureCanvasAgg(figure)
    return figure


def finish_axes(axes: "Axes", x_label: str, y_label: str, *, of_steps: bool = False) -> None:
    """Labels with units, a light grid, no frame."""
    from matplotlib.ticker import MaxNLocator

    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=LETTERS - 1)
    axes.set_xlabel(x_label, fontsize=LETTERS)
    axes.set_ylabel(y_label, fontsize=LETTERS)
    if of_steps:
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        axes.xaxis.set_major_formatter(lambda step, _: _short_steps(step))


def add_legend(figure: "Figure", axes: "Axes") -> None:
    """Below the axes, where it hides nothing; none where nothing has a name."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        short = [
            label if len(label) <= _LEGEND_CHARACTERS else f"{label[: _LEGEND_CHARACTERS - 3]}..." for label in labels
        ]
        columns = 2 if max(map(len, short)) <= _LEGEND_CHARACTERS // 2 else 1
        legend = figure.legend(
            handles, short, loc="outside lower left", ncols=columns, frameon=False, fontsize=LETTERS - 1.5,
            handlelength=3.5,
        )  # fmt: skip
        for name in legend.get_texts():
            name.set_parse_math(False)  # a dollar sign is one


def note_level(axes: "Axes", value: float, text: str) -> None:
    """A level to compare with, and its name on it."""
    axes.axhline(value, color=GREY, ls=(0, (1, 1.5)), lw=1.3, zorder=1)
    axes.text(
        0.995, value, text, transform=axes.get_yaxis_transform(), ha="right", va="bottom", fontsize=LETTERS - 2,
        color=GREY, parse_math=False,
    )  # fmt: skip


def _short_steps(step: float) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(step) >= size:
            return f"{step / size:g}{unit}"
    return f"{step:g}"
