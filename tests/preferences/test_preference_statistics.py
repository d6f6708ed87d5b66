"""The counts of saved preferences, by hand."""

from dataclasses import replace

import pytest

from rlhp_ray.preferences.preference import Answer, Preference
from rlhp_ray.preferences.preference_export import write_export
from rlhp_ray.preferences.preference_statistics import gather_statistics, statistics_table
from rlhp_ray.preferences.source_location import open_source


@pytest.fixture
def database(make_database, vector_subject, make_clips):
    clips = make_clips(4)
    a, b, c, d = (clip.clip_id for clip in clips)
    preferences = [
        Preference(0, a, b, Answer.LEFT, "oracle", 1200),
        Preference(1, a, c, Answer.SKIP, "anna", 0),
        Preference(2, a, d, Answer.RIGHT, "oracle", 31000),
        Preference(3, a, b, Answer.LEFT, "oracle", 50),
        Preference(4, a, b, Answer.LEFT, "anna", 50),
        Preference(5, b, c, Answer.EQUAL, "oracle", 60),
        Preference(6, b, d, Answer.LEFT, "oracle", 70),
        Preference(7, a, b, Answer.LEFT, "oracle", 80),
    ]
    return make_database("preferences.sqlite", vector_subject, clips, preferences)


def statistics(path):
    with open_source(path) as source:
        return gather_statistics(source)


def test_counts(database):
    counts = statistics(database)
    assert (counts.queries, counts.labels, counts.clips, counts.duplicates) == (8, 7, 4, 2)
    assert counts.answers == {Answer.LEFT: 5, Answer.RIGHT: 1, Answer.EQUAL: 1, Answer.SKIP: 1}
    assert counts.sources == {"oracle": 6, "anna": 2}
    assert (counts.first_env_steps, counts.last_env_steps) == (0, 31000)
    assert counts.size_bytes == database.stat().st_size


def test_an_export_counts_like_its_database(database, tmp_path):
    with open_source(database) as source:
        write_export(source, tmp_path / "exported")
    counts, of_export = statistics(database), statistics(tmp_path / "exported")
    assert of_export.size_bytes == sum(file.stat().st_size for file in (tmp_path / "exported").iterdir())
    of_export.size_bytes = counts.size_bytes
    assert of_export == counts


def test_the_table(database):
    counts = statistics(database)
    counts.size_bytes = 1_234_567
    assert statistics_table(counts).splitlines() == [
        "  environment        rlhp/Vector-v0 (rlhp_ray 0.1.0)",
        "  frame skip         the environment's own",
        "  score              blanked where its place is known",
        "  clips              4 of 2 steps",
        "  observation space  Box (3,) float32",
        "  action space       Discrete 4",
        "  queries            8",
        "  labels             7",
        "  answers            left 62.5%, right 12.5%, equal 12.5%, skip 12.5%",
        "  sources            oracle 6, anna 2",
        "  env steps          0 to 31,000",
        "  duplicates         2",
        "  size on disk       1.2 MB",
    ]


def test_the_table_says_how_the_environment_was_seen(make_database, pixel_subject):
    subject = replace(pixel_subject, frame_skip=8, hides_score=False)
    table = statistics_table(statistics(make_database("seen.sqlite", subject, [], [])))
    assert "frame skip         8" in table and "score              shown" in table


def test_the_table_of_nothing(make_database, pixel_subject):
    table = statistics_table(statistics(make_database("empty.sqlite", pixel_subject, [], [])))
    assert "rlhp/Pixels-v0 (version not known)" in table
    assert "answers            left 0.0%, right 0.0%, equal 0.0%, skip 0.0%" in table
    assert "sources            none" in table and "env steps          none" in table


def test_many_labellers_are_not_all_named(make_database, vector_subject, make_clips):
    clips = make_clips(2)
    ids = [clip.clip_id for clip in clips]
    preferences = [Preference(i, *ids, Answer.LEFT, f"person {i}", 0) for i in range(12)]
    table = statistics_table(statistics(make_database("many.sqlite", vector_subject, clips, preferences)))
    assert "person 4 1, 7 more" in table
