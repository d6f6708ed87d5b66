"""Runs are averaged where they differ by their seed alone, and nowhere else."""

from rlhp_ray.report.run_groups import group_runs


def test_environments_are_apart_and_seeds_are_together(report_run):
    runs = [report_run(f"p{seed}", seed=seed) for seed in range(2)] + [report_run("a", env="Acrobot-v1")]
    groups = group_runs(runs)
    assert [group.env for group in groups] == ["Acrobot-v1", "Pendulum-v1"]
    assert [[len(setting.runs) for setting in group.settings] for group in groups] == [[1], [2]]


def test_settings_are_named_by_what_sets_them_apart_and_the_baseline_is_last(report_run):
    runs = [
        report_run("base", config={"reward_source": "true_reward"}),
        report_run("few", config={"preferences": {"labels": 100}}),
        report_run("many", config={"preferences": {"labels": 400}}),
    ]
    (group,) = group_runs(runs)
    assert [setting.title for setting in group.settings] == [
        "A: labels=100",
        "B: labels=400",
        "C: true reward (baseline)",
    ]
    assert [setting.title for setting in group.learners] == ["A: labels=100", "B: labels=400"]
    assert group.settings[0].differences == {"preferences.labels": 100}


def test_of_many_differences_the_rarest_are_named(report_run):
    usual = {
        "training": {"env_steps": 1000},
        "preferences": {"labels": 100, "clip_steps": 10},
        "teacher": {"beta": 1.0},
    }
    changes = [{"teacher": {"beta": 2.0}}, {"reward": {"scale": 0.5}}, {"training": {"env_steps": 2000}}]
    changes.append({"preferences": {"labels": 50, "clip_steps": 5}})
    runs = [report_run("run0", config=usual)]
    runs += [report_run(f"run{index}", config=usual | change) for index, change in enumerate(changes, 1)]
    (group,) = group_runs(runs)
    labels = [setting.label for setting in group.settings]
    assert len(set(labels)) == 5
    named = ["beta=2", "scale=0.5", "env_steps=2000", "labels=50"]
    assert [label.split(",")[0] for label in labels[1:]] == named
    assert all(label.endswith(" and 2 more") for label in labels)


def test_names_questions_and_places_make_no_setting(report_run):
    runs = [
        report_run("first", seed=1, config={"name": "first", "question": "Is it so?"}),
        report_run("second", seed=2, config={"name": "second", "output_dir": "elsewhere"}),
    ]
    (group,) = group_runs(runs)
    assert len(group.settings) == 1


def test_what_only_preferences_use_splits_no_baseline(report_run):
    config = {"reward_source": "true_reward"}
    runs = [report_run(str(n), seed=n, config=config | {"preferences": {"labels": n}}) for n in (100, 200)]
    (group,) = group_runs(runs)
    assert len(group.settings) == 1 and group.settings[0].is_baseline


def test_only_runs_that_are_done_count_and_each_seed_once(report_run):
    runs = [
        report_run("old", seed=1, final=10.0),
        report_run("new", seed=1, final=20.0, started="2026-02-01T12:00:00Z"),
        report_run("failed", seed=2, status="failed"),
        report_run("other", seed=3, final=30.0),
    ]
    (setting,) = group_runs(runs)[0].settings
    assert sorted(setting.final_returns) == [20.0, 30.0]


def test_runs_under_way_stand_in_until_one_is_done(report_run):
    run = report_run("going", seed=1, summary=False)
    (setting,) = group_runs([run])[0].settings
    assert setting.final_returns == [] and setting.counted == (run,)
