"""One run at a glance."""

import json
from datetime import UTC, datetime

from rlhp_ray.runs.notes import add_note
from rlhp_ray.runs.run_details import describe
from rlhp_ray.runs.run_index import open_run

NOW = datetime(2026, 2, 1, tzinfo=UTC)


def test_the_expectation_stands_beside_the_result(make_run) -> None:
    directory = make_run("first", config={"question": "Is it so?", "expect": "At least -250."})
    add_note(open_run(directory).archive, "as expected")
    (directory / "code" / "commit.txt").write_text("a" * 40 + "\nleft out of diff.patch: my_token.txt\n")
    (directory / "code" / "diff.patch").write_text("diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n")
    told = describe(open_run(directory), NOW).splitlines()
    assert told[1] == "  status      done, started 2026-01-31 12:00 UTC (12 h ago)"
    assert told[2:5] == [
        "  question    Is it so?",
        "  expected    At least -250.",
        "  result      true return -211.7 +- 12.5 over 100 episodes",
    ]
    assert told[5].startswith("  note        ") and told[5].endswith("Z  as expected")
    text = "\n".join(told)
    assert "50,000 env steps, 200 labels from 200 queries" in text
    assert "60 s in all, 40 s of training, 0.02 CPU-hours, 0.00 GPU-hours, no price is known" in text
    assert "  memory      -\n  disk        -\n" in text, "an older version recorded neither"
    assert "2026-01-31T12:00:00Z  rlhp train pendulum" in text
    assert f"commit {'a' * 40}, with 1 changed file\n" in text
    assert "changed: x.py" in text and "not archived: my_token.txt" in text
    assert "Python 3.11.2, ray 2.60.0, numpy 2.0.0, 2 packages in all" in text
    assert "Some CPU, 2 of 4 cores, 8.0 GB, no GPU, Linux" in text
    assert any(line.endswith("config.yaml") for line in told)


def test_a_damaged_run_tells_what_can_be_told(make_run) -> None:
    directory = make_run("first")
    (directory / "summary.json").write_text("{")
    (directory / "hardware.json").write_text(json.dumps([]))
    for gone in ("versions.txt", "code/commit.txt"):
        (directory / gone).unlink()
    told = describe(open_run(directory), NOW)
    assert "damaged     summary.json cannot be read" in told
    assert "result      not evaluated" in told
    assert "Cannot read" in told


def test_the_baseline_has_no_predictor(make_run) -> None:
    assert "predictor" not in describe(open_run(make_run("first", reward_source="true_reward")), NOW)


def test_the_cost_is_told_with_memory_and_disk(make_run) -> None:
    peaks = {"": 1012.4, "_trial": 560.0, "_env_runners": 0.0, "_buffer": 130.0, "_learner": 322.0}
    memory = {f"peak_memory{part}_mb": peak for part, peak in peaks.items()}
    run = make_run("first", cost=0.0008, currency="EUR", bytes_on_disk=5_200_000, bytes_written=12e6, **memory)
    told = describe(open_run(run), NOW)
    assert "0.00 GPU-hours, 0.0008 EUR" in told
    parts = "trial 560.0 MB, preference buffer 130.0 MB, reward learner 322.0 MB"
    assert f"  memory      1.0 GB at most: {parts}\n" in told
    assert "  disk        5.2 MB at its end, 12.0 MB written meanwhile by its processes\n" in told
