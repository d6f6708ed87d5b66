"""What a process uses, and what it does with the memory that it frees."""

import mmap
import os
import platform
import subprocess
import sys

import pytest

from rlhp_ray.actors.process_usage import ProcessUsage, process_usage, total_usage

PAGES = 4096  # of 4 KiB, in each array
PROGRAM = """
import resource, numpy as np
from rlhp_ray.actors.process_usage import keep_freed_memory
if {keeps}: keep_freed_memory()
for _ in range(20):
    np.ones({size}, np.uint8)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    first = locals().get("first", faults)
print(faults - first)
"""


def test_memory_that_is_taken_and_bytes_that_are_written_are_counted(tmp_path):
    before = process_usage()
    held = mmap.mmap(-1, 50_000_000)  # of the system, where an array may get what was freed before
    held.write(b"x" * len(held))
    with (tmp_path / "file").open("wb") as file:
        file.write(held)
        file.flush()
        os.fsync(file.fileno())
    after = process_usage()
    assert after.resident_megabytes - before.resident_megabytes > 45
    assert after.cpu_seconds >= before.cpu_seconds
    assert after.written_megabytes >= before.written_megabytes, "equal where the directory lies in memory"


def test_usage_adds_up_over_processes():
    assert total_usage([ProcessUsage(1.0, 200.0, 3.0), ProcessUsage(0.5, 100.0, 1.0)]) == ProcessUsage(1.5, 300.0, 4.0)
    assert total_usage([]) == ProcessUsage(0.0, 0.0, 0.0)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator is told to keep memory")
def test_large_arrays_come_from_memory_that_was_freed():
    counts = []
    for keeps in (False, True):
        program = PROGRAM.format(keeps=keeps, size=PAGES * 4096)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        counts.append(int(done.stdout))
    plain, kept = counts
    assert kept < 0.1 * plain, f"{kept} page faults, {plain} without"
