"""Memory of this process, for the metrics."""

import psutil


def resident_megabytes() -> float:
    """Resident memory of the calling process in MB."""
    return psutil.Process().memory_info().rss / 1e6
