"""How much memory this process may still take: of the machine, or of the container or job that it runs in."""

from collections.abc import Iterator
from pathlib import Path

CGROUP_FILE = Path("/proc/self/cgroup")  # the control groups of this process
CGROUP_MOUNT = Path("/sys/fs/cgroup")
_FILES = {  # by version: limit, what is used, and the name of the page cache in memory.stat that makes room when asked
    2: ("memory.max", "memory.current", "inactive_file"),
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}


def free_memory() -> tuple[int, str]:
    """Free bytes, and where they are the fewest, in words. Outside Linux limits are not known."""
    import psutil

    free = [(psutil.virtual_memory().available, "on this machine")]
    free += [(room, f"below the limit in {limit}") for room, limit in _rooms()]
    return min(free, key=lambda one: one[0])


def _rooms() -> Iterator[tuple[int, Path]]:
    """Room below each limit, of the process's own group and of all that it lies in, and the file of the limit."""
    for version, directory in _groups():
        limit_name, used_name, cache_name = _FILES[version]
        try:
            limit = (directory / limit_name).read_text().strip()
            used = int((directory / used_name).read_text())
            lines = (directory / "memory.stat").read_text().splitlines()
            cache = next((int(line.split()[1]) for line in lines if line.startswith(f"{cache_name} ")), 0)
        except (OSError, ValueError, IndexError):  # no such group, as seen from here
            continue
        if limit.isdecimal():  # "max" for none; version 1 has a number then that is beyond any machine
            yield max(0, int(limit) - max(0, used - cache)), directory / limit_name


def _groups() -> Iterator[tuple[int, Path]]:
    try:
        lines = CGROUP_FILE.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            version, mount = 2, CGROUP_MOUNT
        elif "memory" in controllers.split(","):
            version, mount = 1, CGROUP_MOUNT / "memory"
        else:
            continue
        group = Path(path.lstrip("/"))
        # Inside a container the path may be that of the host; its own group is then the mount itself.
        yield from ((version, mount / part) for part in (group, *group.parents))
