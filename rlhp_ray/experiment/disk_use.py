"""How much of the disk something takes."""

import contextlib
import os
from pathlib import Path


def bytes_below(path: Path) -> int:
    """Bytes of a file, or of all files below a directory; what a link points at is not counted."""
    with contextlib.suppress(OSError):
        if path.is_symlink() or not path.is_dir():
            return path.lstat().st_size
    total = 0
    for folder, _, files in os.walk(path):
        for file in files:
            with contextlib.suppress(OSError):  # gone meanwhile: a run under way
                total += os.lstat(os.path.join(folder, file)).st_size
    return total
