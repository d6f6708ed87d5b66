"""The numbers beside the figures, against what the metrics of the runs hold."""

import json

import pytest

from rlhp_ray.report import figures
from rlhp_ray.report.report_run import read_report_run
from rlhp_ray.report.run_groups import group_runs
from rlhp_ray.runs.run_index import open_run


@pytest.fixture
def drawings(report_run):
    """Of two seeds, by name; no picture is made of them."""
    runs = [report_run(f"seed{seed}", seed=seed, final=90.0) for seed in range(2)]
    (group,) = group_runs(runs)
    return {drawing.name: drawing for drawing in figures.draw_all(group)}


def row(drawing) -> dict[str, str]:
    (only,) = drawing.table.rows
    return dict(zip(drawing.table.head, only, strict=True))


def test_curves_are_tabled_at_first_half_way_and_at_last(drawings):
    told = row(drawings["learning"])
    assert told == {
        "setting": "A", "seeds": "2", "at first": "0.00", "half-way": "47.4", "at last": "90.0", "env steps": "10,000",
    }  # fmt: skip
    assert "from 0.00 to 90.0 at 10,000 env steps" in drawings["learning"].alt
    assert row(drawings["accuracy"])["at last"] == "80 %"


def test_a_fit_is_counted_once_a_round_and_waiting_as_it_stands_at_last(drawings):
    told = row(drawings["stages"])
    assert (told["collect"], told["update policy"]) == ("20 s", "40 s")
    assert told["fit reward"] == "15 s", "ten rounds of 1.5 s, each in two rows"
    assert told["wait for it"] == "1.9 s"
    assert told["evaluate"] == "-"


def test_memory_is_the_peak_of_each_process(drawings):
    told = row(drawings["memory"])
    assert [told[name] for name in ("trial", "preference buffer", "reward learner")] == ["500 MB", "300 MB", "200 MB"]
    assert "from 1,000 MB to 1,000 MB" in drawings["memory"].alt


def test_costs_are_summed_over_all_runs(drawings):
    told = row(drawings["cost"])
    assert (told["CPU time"], told["wall time"]) == ("15 min", "1.5 min")
    assert (told["CPU-hours in all"], told["money in all"]) == ("0.5", "1.00 EUR")
    assert (told["memory at most"], told["written in all"]) == ("1.0 GB", "4.0 MB")


def test_returns_stand_beside_the_labels_they_took(drawings):
    told = row(drawings["return-by-labels"])
    assert told["true return (95 %)"] == "90.0"
    lines = drawings["return-by-labels"].figure.axes[0].lines
    labels, returns = lines[0].get_data()
    assert list(labels) == [40, 90, 140, 190], "at the evaluations, after 5, 10, 15 and 20 iterations"
    assert returns[-1] == pytest.approx(90.0)


def test_answers_of_a_bin_are_pooled_by_their_number(make_run):
    runs = []
    for seed, (share, count) in enumerate([(0.0, 3), (1.0, 1)]):
        directory = make_run(f"seed{seed}", seed=seed)
        content = json.loads((directory / "diagnostics.json").read_text())
        content["calibration"]["bins"] = [{"mean_probability": 0.15, "share_left": share, "count": count}]
        (directory / "diagnostics.json").write_text(json.dumps(content))
        runs.append(read_report_run(open_run(directory)))
    drawing = next(drawing for drawing in figures.draw_all(group_runs(runs)[0]) if drawing.name == "calibration")
    probability, share = drawing.figure.axes[0].lines[1].get_data()
    assert (list(probability), list(share)) == ([pytest.approx(0.15)], [0.25])
    assert row(drawing)["answers"] == "4"


def test_every_figure_has_labelled_axes_and_every_table_is_whole(drawings):
    assert len(drawings) == 12
    for drawing in drawings.values():
        bottom = [axes for axes in drawing.figure.axes if axes.get_xlabel()]
        assert bottom, drawing.name
        assert all(len(cells) == len(drawing.table.head) for cells in drawing.table.rows)
        assert drawing.caption.endswith(".") and drawing.alt


def test_settings_differ_in_more_than_colour(report_run):
    runs = [report_run(f"labels{n}", config={"preferences": {"labels": n}}) for n in (100, 200)]
    (group,) = group_runs(runs)
    learning = next(drawing for drawing in figures.draw_all(group) if drawing.name == "learning")
    first, second = (line for line in learning.figure.axes[0].lines if line.get_label()[:2] in ("A:", "B:"))
    for property_of in ("get_color", "get_linestyle", "get_marker"):
        assert getattr(first, property_of)() != getattr(second, property_of)()
