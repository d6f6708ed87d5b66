"""The closing table of a sweep: its trials, and the files to look at."""

import csv
from pathlib import Path

from rlhp_ray.sweep.results import TrialResult, describe_sweep, write_results

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


def test_what_the_trials_cost_is_summed(tmp_path):
    cost = {"cpu_hours": 0.5, "gpu_hours": 0.0, "bytes_on_disk": 1_500_000, "currency": "EUR"}
    priced = [
        TrialResult(f"seed{seed}", {}, seed, {**RESULTS[0].summary, **cost, "cost": 0.25, "peak_memory_mb": peak})
        for seed, peak in enumerate((900.0, 1100.0))
    ]
    text = describe_sweep(tmp_path, [*priced, TrialResult("seed2", {}, 2, {})], None, 3)
    memory = "1,100 MB of memory at most in a trial"
    assert f"  cost          1 CPU-hours, 0 GPU-hours, {memory}, 3.0 MB on disk, 0.5 EUR\n" in text
    assert "0 CPU-hours, 0 GPU-hours, no price is known\n" in describe_sweep(tmp_path, RESULTS, None, 1)
    write_results(tmp_path, priced)
    with (tmp_path / "results.csv").open(newline="") as file:
        row = list(csv.DictReader(file))[1]
    assert (row["peak_memory_mb"], row["bytes_on_disk"], row["cost"], row["currency"]) == (
        "1100.0",
        "1500000",
        "0.25",
        "EUR",
    )
