"""What this machine can give to a run."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from rlhp_ray.experiment.provenance import hardware

THREADS_VARIABLE = "OMP_NUM_THREADS"  # a run sets it to 1 where the user has not


@dataclass(frozen=True)
class Machine:
    """Resources, as they are now.

    Args:
        cores: that this process may use.
        memory_bytes: free memory.
        disk_bytes: free on the disk that the runs are written to.
        gpus: names.
        threads: of each process.
    """

    cores: int
    memory_bytes: int
    disk_bytes: int
    gpus: tuple[str, ...] = ()
    threads: int = 1


def this_machine(output_dir: Path) -> Machine:
    """What is free here, and on the disk of a directory that need not exist yet."""
    import psutil

    output_dir = output_dir.absolute()
    existing = next(folder for folder in (output_dir, *output_dir.parents) if folder.exists())
    known = hardware()
    threads = os.environ.get(THREADS_VARIABLE, "")
    return Machine(
        cores=known["cores_usable"] or 1,
        memory_bytes=psutil.virtual_memory().available,
        disk_bytes=shutil.disk_usage(existing).free,
        gpus=tuple(known["gpus"]),
        threads=int(threads) if threads.isdigit() else 1,
    )
