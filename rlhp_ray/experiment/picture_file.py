"""What the pictures of a run share: colours that a grey printer and colour-blind eyes tell apart, and how one is saved.

Matplotlib is used through its objects only: no global state, no display.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from rlhp_ray.errors import ArchiveError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, VERMILION, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#555555"  # Okabe and Ito's palette
DPI = 150


def save_picture(figure: "Figure", output_png: Path, what: str) -> None:
    """Replaces `output_png` in one step. Raises ArchiveError, about `what`, where it cannot be written."""
    temporary = output_png.with_name(f".{output_png.name}.{os.getpid()}.tmp")
    try:
        figure.savefig(temporary, format="png")
        os.replace(temporary, output_png)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ArchiveError(f"Cannot write the {what} {output_png}: {error.strerror or error}") from error
