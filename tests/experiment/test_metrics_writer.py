"""One row an iteration, with columns for every member; rows of earlier sessions stay."""

import csv
from pathlib import Path

import pytest

from rlhp_ray import metric_keys as keys
from rlhp_ray.experiment.metrics_writer import MetricsWriter, read_rows


@pytest.fixture
def writer(tmp_path):
    made = []

    def make(earlier_rows=(), members: int = 2) -> MetricsWriter:
        rows = list(earlier_rows)
        made.append(MetricsWriter(tmp_path / "metrics.csv", tmp_path / "board", rows, lambda: 1.0, members))
        return made[-1]

    yield make
    for each in made:
        each.close()


def write(writer: MetricsWriter, iteration: int, **metrics: float) -> None:
    counted = {keys.ITERATION: iteration, keys.ENV_STEPS: 100 * iteration, keys.CPU_SECONDS: 2.0}
    writer.on_trial_result(iteration, [], None, {keys.METRICS: {**counted, **metrics}})


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_member_has_columns_of_its_own(writer, tmp_path):
    write(writer(members=2), 1, member_1_reward_mean=0.5, member_2_reward_mean=-0.5)
    (row,) = rows(tmp_path)
    assert (row["member_1_reward_mean"], row["member_2_reward_mean"], row["member_2_reward_p95"]) == ("0.5", "-0.5", "")
    assert not any("{m}" in key or "member_3" in key for key in row)


@pytest.mark.parametrize("members", [1, 3])
def test_keys_of_members_are_numbered_and_all_others_stay(members):
    numbered = keys.metric_keys(members)
    assert len(set(numbered)) == len(numbered)
    of_members = [metric.key for metric in keys.ALL_METRICS if "{m}" in metric.key]
    assert len(numbered) == len(keys.ALL_METRICS) + (members - 1) * len(of_members)
    first = numbered.index("member_1_reward_p50")
    assert numbered[first : first + members] == [f"member_{member}_reward_p50" for member in range(1, members + 1)]


def test_rows_of_a_run_that_had_no_such_columns_are_kept(writer, tmp_path):
    (tmp_path / "metrics.csv").write_text(f"{keys.ITERATION},{keys.ENV_STEPS},gone\n1,100,x\n2,200,x\n")
    write(writer(read_rows(tmp_path / "metrics.csv", up_to_iteration=1)), 2, alarms=1)
    assert [(row[keys.ITERATION], row[keys.ALARMS]) for row in rows(tmp_path)] == [("1", ""), ("2", "1")]


def test_peaks_are_of_all_sessions(writer, tmp_path):
    (tmp_path / "metrics.csv").write_text(f"{keys.ITERATION},{keys.ENV_STEPS},{keys.MEMORY}\n1,100,900\n2,200,700\n")
    session = writer(read_rows(tmp_path / "metrics.csv", up_to_iteration=2))
    for iteration, memory, trial in ((3, 800.0, 500.0), (4, 850.0, 450.0)):
        write(session, iteration, memory_mb=memory, memory_trial_mb=trial)
    assert (session.peaks[keys.MEMORY], session.peaks[keys.MEMORY_TRIAL]) == (900.0, 500.0)
    assert session.peaks[keys.MEMORY_LEARNER] == 0.0, "a run on the true reward has none"


def test_processor_time_adds_up_over_sessions_and_over_processes_that_took_the_place_of_failed_ones(writer, tmp_path):
    (tmp_path / "metrics.csv").write_text(f"{keys.ITERATION},{keys.ENV_STEPS},{keys.CPU_SECONDS}\n1,100,10\n")
    session = writer(read_rows(tmp_path / "metrics.csv", up_to_iteration=1))
    for iteration, used in ((2, 3.0), (3, 5.0), (4, 1.0), (5, 2.0)):  # a new process before iteration 4
        write(session, iteration, cpu_seconds=used)
    assert [float(row[keys.CPU_SECONDS]) for row in rows(tmp_path)] == [10, 13, 15, 16, 17]
