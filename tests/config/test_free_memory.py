"""Free memory is that of the machine, or what the control groups of the process leave, whichever is less."""

from types import SimpleNamespace

import pytest

from rlhp_ray.config import free_memory as module
from rlhp_ray.config.free_memory import free_memory

MACHINE = 1000
NO_LIMIT_V1 = "9223372036854771712"


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Free memory with these groups; the place of the limit is told below the mount."""
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=MACHINE))
    monkeypatch.setattr(module, "CGROUP_FILE", tmp_path / "self")
    monkeypatch.setattr(module, "CGROUP_MOUNT", tmp_path / "mount")

    def tell(groups: str, **files: str):
        (tmp_path / "self").write_text(groups)
        for name, content in files.items():
            path = tmp_path / "mount" / name.replace("__", "/").replace("memory_", "memory.")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        free, where = free_memory()
        return free, where.replace(f"{tmp_path / 'mount'}/", "")

    return tell


def version_2(prefix, limit, used, cache="0"):
    stat = f"anon 5\nfile 900\ninactive_file {cache}\nactive_file 1\n"
    return {f"{prefix}memory_max": limit, f"{prefix}memory_current": used, f"{prefix}memory_stat": stat}


def version_1(prefix, limit, used, cache="0"):
    stat = f"cache 9\ninactive_file 3\ntotal_inactive_file {cache}\n"
    names = ("memory_limit_in_bytes", "memory_usage_in_bytes", "memory_stat")
    return dict(zip([f"memory__{prefix}{name}" for name in names], (limit, used, stat), strict=True))


def test_without_groups_it_is_that_of_the_machine(told):
    assert told("") == (MACHINE, "on this machine")
    assert told("0::/gone\n4:memory:/gone\n") == (MACHINE, "on this machine")


@pytest.mark.parametrize("limit", ["max\n", "5000\n"])
def test_a_limit_that_leaves_more_than_the_machine_has_does_not_count(told, limit):
    assert told("0::/\n", **version_2("", limit, "10\n")) == (MACHINE, "on this machine")


def test_of_version_2_the_page_cache_makes_room(told):
    assert told("0::/\n", **version_2("", "800\n", "300\n", "100")) == (600, "below the limit in memory.max")


def test_the_limit_of_a_group_above_counts(told):
    files = version_2("job__", "300\n", "50\n") | version_2("job__step__", "max\n", "40\n")
    assert told("0::/job/step\n", **files) == (250, "below the limit in job/memory.max")


def test_of_version_1(told):
    groups = "9:name=systemd:/\n4:memory:/docker/abc\n3:cpuset:/\n"
    files = version_1("docker__abc__", "700\n", "500\n", "200") | version_1("", NO_LIMIT_V1, "900\n")
    assert told(groups, **files) == (400, "below the limit in memory/docker/abc/memory.limit_in_bytes")


def test_a_path_of_the_host_means_the_mount_inside_a_container(told):
    assert told("4:memory:/docker/abc\n", **version_1("", "700\n", "500\n"))[0] == 200


def test_a_limit_that_is_exceeded_leaves_nothing(told):
    assert told("0::/\n", **version_2("", "300\n", "400\n"))[0] == 0


def test_files_that_make_no_sense_are_passed_over(told):
    assert told("0::/\n", **version_2("", "300\n", "soup")) == (MACHINE, "on this machine")
