"""What this process uses of the machine, for the metrics; and that it keeps the memory that it frees."""

import ctypes
import platform

import psutil

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # mallopt(3)
_MOST_KEPT_BYTES = 2**31 - 1  # the largest number that mallopt takes
_GROWTH_BYTES = 64 * 2**20


def keep_freed_memory() -> None:
    """Have glibc keep large blocks that are freed, for the next ones of their kind; nothing happens elsewhere.

    Otherwise each of a training step's arrays of some ten MB is mapped anew and its pages are zeroed at first touch:
    half of the time of a step on images.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    for option, value in ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _MOST_KEPT_BYTES), (_M_TOP_PAD, _GROWTH_BYTES)):
        libc.mallopt(option, value)


def resident_megabytes() -> float:
    """Resident memory of the calling process in MB."""
    return psutil.Process().memory_info().rss / 1e6


def cpu_seconds() -> float:
    """User and system CPU seconds of the calling process since its start."""
    times = psutil.Process().cpu_times()
    return times.user + times.system
