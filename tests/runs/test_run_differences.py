"""What differs between two runs, and nothing else."""

import pytest

from rlhp_ray.errors import ArchiveError
from rlhp_ray.runs.run_differences import difference_table, differences, result_differences
from rlhp_ray.runs.run_index import open_run

PATCH = "diff --git a/{0} b/{0}\nindex {1}..{2} 100644\n--- a/{0}\n+++ b/{0}\n@@ -1 +1 @@\n-x\n+{3}\n"


def compare(one, other):
    return differences(open_run(one), open_run(other))


def test_equal_runs_differ_in_nothing(make_run) -> None:
    found = compare(make_run("a"), make_run("b"))
    assert not any(found.values())
    assert difference_table(found) == (
        "no difference in configuration, code, versions, hardware, result, time and cost"
    )


def test_only_what_differs_is_told(make_run) -> None:
    one = make_run("a", config={"training": {"rllib": {"lr": 0.1}}})
    other = make_run("b", seed=4, labels=150, cpu_hours=1.0)
    (other / "versions.txt").write_text("# Python 3.11.2\nnumpy==2.0.0\nray==2.61.0\nnew==1\n")
    found = compare(one, other)
    assert found["configuration"] == [
        ("seed", 3, 4),
        ("training.rllib.lr", 0.1, "(none)"),
        ("training.rllib", "(none)", {}),
    ]
    assert found["versions"] == [("ray", "2.60.0", "2.61.0"), ("new", "(none)", "1")]
    assert found["result"] == [("seed", 3, 4), ("labels", 200, 150)]
    assert found["time and cost"] == [("cpu_hours", 0.02, 1.0)]
    assert difference_table(found).endswith("no difference in code, hardware")


def test_code_is_compared_by_commit_and_by_the_change_of_each_file(make_run) -> None:
    one, other = make_run("a"), make_run("b")
    (one / "code" / "diff.patch").write_text(
        PATCH.format("same.py", "12", "ab", "y") + PATCH.format("x y.py", "1", "2", "1")
    )
    (other / "code" / "diff.patch").write_text(
        PATCH.format("same.py", "1234", "abcd", "y") + PATCH.format("x y.py", "1", "2", "2")
    )
    (other / "code" / "commit.txt").write_text("2" * 40 + "\nleft out of diff.patch: big.bin\n")
    keys = [key for key, _, _ in compare(one, other)["code"]]
    assert keys == ["commit", "x y.py", "big.bin"]


def test_results_are_compared_to_the_bit(make_run) -> None:
    facts = open_run(make_run("a")).facts
    nearly = {**facts, "true_return_mean": facts["true_return_mean"] + 3e-14, "wall_seconds": 9.0, "cost": 3.0}
    assert [key for key, _, _ in result_differences(facts, nearly)] == ["true_return_mean"]


@pytest.mark.parametrize("file", ["versions.txt", "hardware.json", "code/commit.txt"])
def test_a_file_that_is_missing_is_named(make_run, file) -> None:
    one, other = make_run("a"), make_run("b")
    (other / file).unlink()
    with pytest.raises(ArchiveError, match=file.rpartition("/")[2].replace(".", r"\.")):
        compare(one, other)
