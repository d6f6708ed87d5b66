"""What the tables over seeds say, and what they refuse to say."""

import pytest

from rlhp_ray.report.run_groups import group_runs
from rlhp_ray.report.seed_tables import TOO_FEW, pair_table, per_seed_table, seed_section, success_text, summary_table


@pytest.fixture
def group_of(report_run):
    """Makes an environment of settings from their final returns over seeds."""

    def group(*settings, status="done"):
        runs = [
            report_run(
                f"s{index}-seed{seed}", seed=seed, final=final, status=status,
                config={"preferences": {"labels": 100 + index}},
            )
            for index, finals in enumerate(settings)
            for seed, final in enumerate(finals)
        ]  # fmt: skip
        return group_runs(runs)[0]

    return group


def test_mean_median_and_iqm_stand_beside_each_other(group_of):
    table = summary_table(group_of([10.0, 80.0, 82.0, 84.0, 86.0]), None)
    assert list(table.head) == ["setting", "seeds", "mean", "median", "IQM"]
    letter, seeds, mean, middle, iqm = table.rows[0]
    assert (letter, seeds) == ("A", "5")
    assert mean == "68.4 (27.8 to 109.0)"  # 68.4 +- 2.776 * 32.726 / sqrt(5)
    assert middle == "82.0 (10.0 to 86.0)"
    assert iqm.startswith("82.0 (")


def test_without_a_threshold_nobody_is_said_to_succeed(group_of):
    group = group_of([10.0, 80.0, 82.0])
    assert "reach" not in seed_section(group, None).replace("reaches the threshold", "")
    table = summary_table(group, 80.0)
    assert table.head[-1] == "reach 80"
    assert table.rows[0][-1] == "2 of 3 (21 to 94 %)"  # Wilson's interval of 2 of 3: 0.208 to 0.939


def test_of_fewer_than_three_seeds_nothing_is_said(group_of):
    group = group_of([80.0, 90.0], [10.0, 20.0, 30.0])
    assert summary_table(group, 50.0).rows[0] == ["A", "2", TOO_FEW, "-", "-", "2 of 2"]
    assert pair_table(group).rows == [["A and B", TOO_FEW, "-", "-"]]
    assert success_text([], 50.0) == "-"


def test_pairs_say_how_likely_and_how_many_seeds_are_missing(group_of):
    group = group_of([10.0, 20.0, 30.0], [20.0, 30.0, 40.0, 50.0], [10.0, 20.0, 30.0])
    beside, alike, _ = pair_table(group).rows
    # of A's 12 pairs with B one is won and two are ties: 2 / 12; 1.30 standard deviations apart need 11 seeds of each
    assert beside[:2] == ["A and B", "0.17 (0.03 to 0.61)"]
    assert beside[2:] == ["11", "8 of A, 7 of B"]
    assert alike == ["A and C", "0.50 (0.15 to 0.85)", "unbounded: the means agree", "-"]


def test_settings_that_are_told_apart_need_no_more(group_of):
    apart, _, close = pair_table(group_of([10.0, 11.0, 12.0], [90.0, 91.0, 92.0], [90.01, 91.01, 92.01])).rows
    assert apart[2:] == ["2", "none"]
    assert close[2:] == ["more than 1,000", "-"]


def test_every_seed_has_its_row(group_of):
    table = per_seed_table(group_of([10.0, 20.0], [30.0, 40.0, 50.0]))
    assert list(table.head) == ["seed", "A", "B"]
    assert table.rows == [["0", "10.0", "30.0"], ["1", "20.0", "40.0"], ["2", "-", "50.0"]]


def test_runs_that_have_not_ended_say_nothing(group_of):
    assert seed_section(group_of([10.0, 20.0, 30.0], status="interrupted"), None) == ""
