"""The closing table of a sweep: its trials, and the files to look at."""

from pathlib import Path

from rlhp_ray.sweep.results import TrialResult, describe_sweep

RESULTS = [TrialResult("seed0", {}, 0, {"status": "done", "true_return_mean": 12.34, "env_steps": 1000, "labels": 20})]


def test_the_report_is_named_where_there_is_one():
    text = describe_sweep(Path("sw"), RESULTS, Path("sw/report.html"), 1)
    assert "  report        sw/report.html\n  results       sw/results.csv\n  runs          sw/seed0\n" in text
    assert "  seed0         done                 12.3       1,000      20  seed=0, -" in text
    assert "report" not in describe_sweep(Path("sw"), RESULTS, None, 1)


def test_trials_that_are_not_done_are_counted_with_those_that_were_never_proposed():
    told = "trials are not done; to go on: rlhp resume sw"
    assert told not in describe_sweep(Path("sw"), RESULTS, None, 1)
    assert f"2 of 3 {told}" in describe_sweep(Path("sw"), RESULTS, None, 3)
    failed = [*RESULTS, TrialResult("seed1", {}, 1, {"status": "failed"})]
    assert f"1 of 2 {told}" in describe_sweep(Path("sw"), failed, None, 2)
