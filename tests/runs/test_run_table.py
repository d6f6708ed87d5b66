"""The index in a terminal."""

from datetime import UTC, datetime

from rlhp_ray.runs.notes import add_note
from rlhp_ray.runs.run_index import read_index
from rlhp_ray.runs.run_table import run_table, tally

NOW = datetime(2026, 2, 1, tzinfo=UTC)


def test_a_line_a_run_below_a_heading(make_run, runs_dir) -> None:
    make_run("first", labels=1200, cost=1.5, config={"question": "Is it\nso?"})
    make_run("second", started="2025-12-01T00:00:00Z", true_return_mean=None, reward_source="true_reward")
    heading, first, second = run_table(read_index(runs_dir), NOW, width=None).splitlines()
    columns = "run env algorithm seed labels return status age cpu_hours cost mode reward_source question"
    assert " ".join(heading.split()) == columns
    told = "first Pendulum-v1 PPO 3 1,200 -211.7 done 12 h 0.02 1.50 sync preferences Is it so?"
    assert " ".join(first.split()) == told
    assert " ".join(second.split()) == "second Pendulum-v1 PPO 3 200 - done 62 d 0.02 - sync true_reward -"
    assert heading.index("labels") + len("labels") == first.index("1,200") + len("1,200")


def test_the_question_is_cut_to_the_terminal_and_nothing_else(make_run, runs_dir) -> None:
    make_run("first", config={"question": "x" * 300})
    records = read_index(runs_dir)
    assert all(len(line) <= 160 for line in run_table(records, NOW, width=160).splitlines())
    assert run_table(records, NOW, width=160).endswith("xxx...")
    assert run_table(records, NOW, width=20).splitlines()[1].split()[0] == "first"
    assert "x" * 300 in run_table(records, NOW, width=None)


def test_control_characters_never_reach_the_terminal(make_run, runs_dir) -> None:
    make_run("first", env="\x1b[2JPendulum-v1", config={"env": {"id": "Pendulum-v1"}})
    assert "\x1b" not in run_table(read_index(runs_dir), NOW, width=None)


def test_a_summary_of_unexpected_types_is_shown_as_it_is(make_run, runs_dir) -> None:
    odd = {"labels": "many", "true_return_mean": [1], "cpu_hours": None, "cost": {}, "seed": True}
    make_run("first", **odd, config={"seed": 1})
    assert "many" in run_table(read_index(runs_dir), NOW, width=None)


def test_notes_follow_their_run(make_run, runs_dir) -> None:
    make_run("first")
    (record,) = read_index(runs_dir)
    add_note(record.archive, "two\nlines")
    lines = run_table([record], NOW, width=None, with_notes=True).splitlines()
    assert lines[2].endswith("Z  two") and lines[3].strip() == "lines"
    assert len(run_table([record], NOW, width=None).splitlines()) == 2


def test_the_tally_counts_by_status(make_run, runs_dir) -> None:
    make_run("a"), make_run("b"), make_run("c", status="failed"), make_run("d", status="odd")
    assert tally(read_index(runs_dir)) == "4 runs: 2 done, 1 failed, 1 odd"
    assert tally([]) == "0 runs"
