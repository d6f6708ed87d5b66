"""What this process uses of the machine, for the metrics; and that it keeps the memory that it frees."""

import ctypes
import math
import platform
from collections.abc import Iterable
from dataclasses import dataclass

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


@dataclass(frozen=True)
class ProcessUsage:
    """What a process uses of its machine.

    Args:
        cpu_seconds: user and system time since its start.
        resident_megabytes: memory now; pages that it shares with other processes count in each of them.
        written_megabytes: sent to disks since its start; NaN where the system does not tell (macOS).
    """

    cpu_seconds: float
    resident_megabytes: float
    written_megabytes: float


def process_usage() -> ProcessUsage:
    """Of the calling process."""
    process = psutil.Process()
    times = process.cpu_times()
    written = process.io_counters().write_bytes / 1e6 if hasattr(process, "io_counters") else math.nan
    return ProcessUsage(times.user + times.system, process.memory_info().rss / 1e6, written)


def total_usage(usages: Iterable[ProcessUsage]) -> ProcessUsage:
    """Of several processes together; zero for none."""
    found = list(usages)
    return ProcessUsage(
        cpu_seconds=sum(usage.cpu_seconds for usage in found),
        resident_megabytes=sum(usage.resident_megabytes for usage in found),
        written_megabytes=sum(usage.written_megabytes for usage in found),
    )
