"""What a process does with the memory that it frees."""

import platform
import subprocess
import sys

import pytest

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


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator is told to keep memory")
def test_large_arrays_come_from_memory_that_was_freed():
    counts = []
    for keeps in (False, True):
        program = PROGRAM.format(keeps=keeps, size=PAGES * 4096)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        counts.append(int(done.stdout))
    plain, kept = counts
    assert kept < 0.1 * plain, f"{kept} page faults, {plain} without"
