"""The report says which conditions held in which run, and when."""

import csv

from rlhp_ray import metric_keys as keys
from rlhp_ray.report.health_table import MAX_SPELLS


def with_health(directory, **held):
    """Add columns to a run's metrics: 1 in the rows that are named, by the key of the condition."""
    file = directory / "metrics.csv"
    with file.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    for index, row in enumerate(rows, start=1):
        conditions = {key: int(index in iterations) for key, iterations in held.items()}
        row |= {keys.UNHEALTHY: sum(conditions.values()), **conditions}
    with file.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def health_part(page: str) -> str:
    return page.partition("<h3>Health</h3>")[2].partition("<h3>Runs</h3>")[0]


def test_what_held_is_told_with_when(make_run, write, blank_pictures):

    with_health(make_run("sick"), unhealthy_clips_stopped=[4, 5, 6, 19, 20], unhealthy_policy_kl=[2])
    with_health(make_run("well", seed=1), unhealthy_clips_stopped=[])
    part = health_part(write())
    assert "<th>clips stopped</th>" in part or "<td>clips stopped</td>" in part
    assert "2,000 to 3,500; 9,500 to the end" in part and "1,000 to 1,500" in part
    assert "well" not in part


def test_runs_without_any_are_said_to_be_healthy_and_older_ones_to_be_silent(make_run, write, blank_pictures):
    with_health(make_run("well"), unhealthy_clips_stopped=[])
    make_run("older", seed=1)
    part = health_part(write())
    assert "No condition held in any run. 1 of 2 runs recorded none, being older." in part and "<table" not in part


def test_where_no_run_recorded_it_there_is_no_such_part(make_run, write, blank_pictures):
    make_run("older")
    assert "<h3>Health</h3>" not in write()


def test_of_many_spells_the_last_are_written_out(make_run, write, blank_pictures):
    with_health(make_run("flickers"), unhealthy_policy_kl=range(1, 20, 2))
    part = health_part(write())
    assert f"{10 - MAX_SPELLS} times before, 5,500 to 6,000; " in part and "9,500 to 10,000" in part
    assert "4,500" not in part
