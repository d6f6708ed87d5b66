"""What is said of a setting follows from its seeds."""

import pytest

from rlhp_ray.report.run_groups import group_runs
from rlhp_ray.report.verdict import beside_baseline, judge


@pytest.mark.parametrize(
    ("finals", "answer"),
    [
        ([90.0, 91.0, 89.0], "yes"),
        ([90.0, -80.0, 5.0], "not shown"),
        ([-90.0, -91.0, -89.0], "no, it fell"),
        ([90.0], "one seed only"),
        ([90.0, 91.0], "two seeds only"),
    ],
)
def test_the_interval_of_the_gain_decides(report_run, finals, answer):
    runs = [report_run(f"seed{seed}", seed=seed, final=final) for seed, final in enumerate(finals)]
    verdict = judge(group_runs(runs)[0].settings[0])
    assert verdict.answer == answer


def test_one_run_or_two_prove_nothing_and_few_seeds_are_called_few(report_run):
    runs = [report_run(f"seed{seed}", seed=seed, final=90.0 + seed) for seed in range(3)]
    assert judge(group_runs(runs[:1])[0].settings[0]).reason == "rose from 0.00 to 90.0; one run proves nothing"
    assert judge(group_runs(runs[:2])[0].settings[0]).reason == "rose from 0.00 to 90.5; two runs prove nothing"
    assert "3 seeds are few" in judge(group_runs(runs)[0].settings[0]).reason


def test_a_run_that_has_not_ended_is_no_result(report_run):
    assert judge(group_runs([report_run("a", summary=False)])[0].settings[0]).answer == "no result yet"


def test_the_baseline_is_compared_with_where_there_is_one(report_run):
    run = report_run("a", final=80.0)
    (group,) = group_runs([run])
    assert beside_baseline(group.settings[0], group) is None
    (group,) = group_runs([run, report_run("b", final=100.0, config={"reward_source": "true_reward"})])
    assert beside_baseline(group.settings[0], group) == "true reward (B) gets 100.0: 80 % of its gain"
    assert beside_baseline(group.settings[1], group) is None
