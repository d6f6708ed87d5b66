"""An export holds all that the database held, in files that anyone can read, and is refused where it is not whole."""

import json
import weakref
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rlhp_ray.clips.clip import Clip
from rlhp_ray.errors import ConfigError, PreferenceStoreError, RewardDataError
from rlhp_ray.preferences import clip_shards
from rlhp_ray.preferences.preference import Answer, Preference
from rlhp_ray.preferences.preference_copying import import_preferences, merge_preferences
from rlhp_ray.preferences.preference_export import ExportSource, write_export
from rlhp_ray.preferences.preference_source import DatabaseSource
from rlhp_ray.preferences.preference_store import PreferenceStore


@pytest.fixture(params=["vector", "pixels"])
def database(request, make_database, make_clips, make_pixel_clips, vector_subject, pixel_subject, chain):
    clips = make_clips(12) if request.param == "vector" else make_pixel_clips(12)
    subject = vector_subject if request.param == "vector" else pixel_subject
    return make_database("stored.sqlite", subject, clips, chain(clips))


@pytest.fixture
def exported(make_database, make_clips, vector_subject, chain, tmp_path, monkeypatch):
    """An export of 12 clips in 3 shards and 11 preferences."""
    monkeypatch.setattr(clip_shards, "MAX_BATCH_CLIPS", 5)
    clips = make_clips(12)
    return export(make_database("stored.sqlite", vector_subject, clips, chain(clips)), tmp_path / "exported")


def export(database, directory):
    with DatabaseSource(database) as source:
        write_export(source, directory)
    return directory


def alter_header(directory, **changes):
    path = directory / "header.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def alter_table(directory, **columns):
    """Replace columns of the table, or leave out those that are None."""
    path = directory / "preferences.parquet"
    kept = {**pq.read_table(path).to_pydict(), **columns}
    pq.write_table(pa.table({name: column for name, column in kept.items() if column is not None}), path)


def alter_shard(directory, change, number=0):
    path = directory / f"clips-{number:05d}.npz"
    with np.load(path) as stored:
        arrays = dict(stored)
    change(arrays)
    np.savez_compressed(path, **arrays)


def refusal(directory, error=PreferenceStoreError):
    """The message with which an export is refused; nothing is made of it."""
    target = directory.parent / "imported.sqlite"
    with pytest.raises(error) as caught:
        import_preferences(directory, target)
    assert not target.exists()
    assert [path.name for path in directory.parent.iterdir() if path.name.endswith(".tmp")] == []
    return str(caught.value)


@pytest.mark.parametrize("clips_per_shard", [1, 5, 12, 1000])
def test_what_was_exported_is_imported_to_the_bit(database, tmp_path, rows_of, monkeypatch, clips_per_shard):
    monkeypatch.setattr(clip_shards, "MAX_BATCH_CLIPS", clips_per_shard)
    export(database, tmp_path / "exported")
    report = import_preferences(tmp_path / "exported", tmp_path / "imported.sqlite")
    assert (report.preferences, report.duplicates, report.clips) == (11, 0, 12)
    assert rows_of(tmp_path / "imported.sqlite") == rows_of(database)
    assert len(list((tmp_path / "exported").glob("*.npz"))) == -(-12 // clips_per_shard)


def test_clips_that_lack_what_came_after_them_may_stand_among_others(
    make_database, make_clips, vector_subject, chain, tmp_path, rows_of, monkeypatch
):
    """Shards of which all, some and no clip have it."""
    monkeypatch.setattr(clip_shards, "MAX_BATCH_CLIPS", 4)
    clips = sorted(make_clips(12), key=lambda clip: clip.clip_id)
    clips = [replace(clip, next_observation=None) if i in (5, *range(8, 12)) else clip for i, clip in enumerate(clips)]
    database = make_database("stored.sqlite", vector_subject, clips, chain(clips))
    export(database, tmp_path / "exported")
    import_preferences(tmp_path / "exported", tmp_path / "imported.sqlite")
    assert rows_of(tmp_path / "imported.sqlite") == rows_of(database)


@pytest.fixture
def exported_origins(make_database, make_clips, make_origin, vector_subject, chain, tmp_path, monkeypatch):
    """A database of 12 clips, and its export, in shards of which all, some and no clip have an origin."""
    monkeypatch.setattr(clip_shards, "MAX_BATCH_CLIPS", 4)
    clips = sorted(make_clips(12), key=lambda clip: clip.clip_id)
    clips = [replace(clip, origin=None if i in (5, *range(8, 12)) else make_origin(i)) for i, clip in enumerate(clips)]
    database = make_database("stored.sqlite", vector_subject, clips, chain(clips))
    return database, export(database, tmp_path / "exported")


def test_origins_are_carried_through_to_the_bit(exported_origins, tmp_path, rows_of):
    database, directory = exported_origins
    import_preferences(directory, tmp_path / "imported.sqlite")
    merge_preferences(tmp_path / "merged.sqlite", [directory])
    for made in ("imported.sqlite", "merged.sqlite"):
        assert rows_of(tmp_path / made)["clips"] == rows_of(database)["clips"]


@pytest.mark.parametrize(
    ("change", "error", "expected"),
    [
        (lambda arrays: arrays.pop("origins"), PreferenceStoreError, "has origins of (0,) uint8"),
        (lambda arrays: arrays.pop("origin_bytes"), PreferenceStoreError, "expected uint8 in one row, as many as"),
        (lambda arrays: arrays["origin_bytes"].__isub__(1), PreferenceStoreError, "as many as the sizes come to"),
        (lambda arrays: arrays.update(origin_bytes=arrays["origin_bytes"][:3]), PreferenceStoreError, "one row"),
        (lambda arrays: arrays.update(origin_bytes=np.full(4, "x")), PreferenceStoreError, "origin_bytes of (4,) <U1"),
        (lambda arrays: arrays["origins"].__ixor__(255), RewardDataError, "clips-00000.npz, clip {}: the origin of a"),
        (lambda arrays: arrays["origin_bytes"].__iadd__([2, -2, 0, 0]), RewardDataError, "clip cannot be read"),
    ],
)
def test_origins_that_are_damaged_are_refused(exported_origins, change, error, expected):
    _, directory = exported_origins
    first = next(ExportSource(directory).clips())[0]
    alter_shard(directory, change)
    assert expected.format(first) in refusal(directory, error)


def test_an_origin_of_another_length_than_its_clip_is_refused(
    make_database, make_clips, make_origin, vector_subject, chain, tmp_path
):
    clips = make_clips(2)
    clips[1] = replace(clips[1], origin=replace(make_origin(7), first_step=4))
    database = make_database("stored.sqlite", vector_subject, clips, chain(clips))
    with pytest.raises(RewardDataError, match=rf"clip {clips[1].clip_id}: its origin is of 5 steps; expected 2 like"):
        export(database, tmp_path / "exported")


@pytest.mark.parametrize("number", [1, 2])
def test_an_export_that_does_not_say_how_the_environment_was_seen_is_read(exported, number, vector_subject):
    header = json.loads((exported / "header.json").read_text())
    assert (header["format_version"], header.pop("frame_skip"), header.pop("hides_score")) == (3, None, True)
    (exported / "header.json").write_text(json.dumps({**header, "format_version": number}))
    assert ExportSource(exported).subject == vector_subject


def test_an_export_of_format_1_is_read_and_has_no_next_observations(exported, make_clips):
    def as_then(arrays):
        del arrays["has_next_observation"], arrays["next_observation"], arrays["origin_bytes"]

    for number in range(3):
        alter_shard(exported, as_then, number)
    alter_header(exported, format_version=1)
    found = dict(ExportSource(exported).clips())
    assert found.keys() == {clip.clip_id for clip in make_clips(12)}
    assert {clip.next_observation for clip in found.values()} == {None}


def test_a_shard_that_lacks_the_next_observations_it_speaks_of_is_refused(exported):
    alter_shard(exported, lambda arrays: arrays.pop("next_observation"))
    assert "clips-00000.npz is missing, truncated or damaged" in refusal(exported)


def test_next_observations_of_another_shape_are_refused(exported):
    alter_shard(exported, lambda arrays: arrays.update(next_observation=arrays["next_observation"][:, :2]))
    message = refusal(exported, RewardDataError)
    assert "its next_observation has the shape (2,) and the type float32; expected (3,) and float32" in message


def test_an_imported_database_is_one_that_a_run_can_open(exported, tmp_path, vector_subject, make_clips, chain):
    import_preferences(exported, tmp_path / "imported.sqlite")
    store = PreferenceStore(tmp_path / "imported.sqlite", vector_subject.to_metadata())
    clips = make_clips(12)
    assert store.preferences() == chain(clips)
    loaded = store.clips([clips[3].clip_id])[clips[3].clip_id]
    np.testing.assert_array_equal(loaded.observations, clips[3].observations)
    store.close()


def test_the_files_are_read_without_this_package(exported, make_clips):
    clips = {clip.clip_id: clip for clip in make_clips(12)}
    rows = pq.read_table(exported / "preferences.parquet").to_pylist()
    assert [row["query_index"] for row in rows] == list(range(11))
    assert [row["answer"] for row in rows[:5]] == ["left", "right", "equal", "skip", "left"]
    assert {(row["source"], row["answered_unix_s"] - row["query_index"]) for row in rows} == {("oracle", 1000.25)}
    seen = {}
    for path in sorted(exported.glob("*.npz")):
        with np.load(path, allow_pickle=False) as shard:
            for row, clip_id in enumerate(shard["clip_id"].tolist()):
                seen[clip_id] = (shard["observations"][row], shard["actions"][row], shard["teacher_rewards"][row])
    assert seen.keys() == clips.keys()
    for clip_id, arrays in seen.items():
        clip = clips[clip_id]
        for read, expected in zip(arrays, (clip.observations, clip.actions, clip.teacher_rewards), strict=True):
            assert read.dtype == expected.dtype
            np.testing.assert_array_equal(read, expected)


def test_the_source_stays_as_it_was_even_while_a_run_writes_to_it(tmp_path, vector_subject, make_clips, chain):
    path, clips = tmp_path / "stored.sqlite", make_clips(4)
    store = PreferenceStore(path, vector_subject.to_metadata())
    store.record(chain(clips[:3]), clips)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir() if not file.name.endswith("-shm")}
    with DatabaseSource(path) as source:
        store.record([Preference(9, clips[0].clip_id, clips[3].clip_id, Answer.LEFT, "oracle", 0)], [])
        assert write_export(source, tmp_path / "exported").num_preferences == 2
    assert len(store.preferences()) == 3
    assert path.read_bytes() == before["stored.sqlite"]
    store.close()


def test_reading_leaves_no_other_file_beside_a_database(database, tmp_path):
    before = database.read_bytes()
    export(database, tmp_path / "exported")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["exported", "stored.sqlite"]
    assert database.read_bytes() == before


def test_preferences_of_nothing_are_exported_and_imported(make_database, vector_subject, tmp_path, rows_of):
    database = make_database("stored.sqlite", vector_subject, [], [])
    export(database, tmp_path / "exported")
    assert import_preferences(tmp_path / "exported", tmp_path / "imported.sqlite").preferences == 0
    assert rows_of(tmp_path / "imported.sqlite") == rows_of(database)


def test_tens_of_thousands_of_preferences_hold_few_clips_in_memory(
    make_database, make_clips, vector_subject, tmp_path, monkeypatch
):
    monkeypatch.setattr(clip_shards, "MAX_BATCH_CLIPS", 64)
    clips = make_clips(2000)
    ids = [clip.clip_id for clip in clips]
    pairs = [(ids[i % 2000], ids[(i + 1 + i // 2000) % 2000]) for i in range(20_000)]
    preferences = [Preference(i, *pair, Answer.LEFT, "oracle", i) for i, pair in enumerate(pairs)]
    database = make_database("stored.sqlite", vector_subject, clips, preferences)
    alive: weakref.WeakSet[Clip] = weakref.WeakSet()
    most = made = 0
    create = Clip.__init__

    def counted(self, *args, **kwargs):
        nonlocal most, made
        create(self, *args, **kwargs)
        alive.add(self)
        most, made = max(most, len(alive)), made + 1

    monkeypatch.setattr(Clip, "__init__", counted)
    export(database, tmp_path / "exported")
    assert (made, most <= 2 * 64) == (2000, True)
    most = 0
    assert import_preferences(tmp_path / "exported", tmp_path / "imported.sqlite").preferences == 20_000
    assert (made, most <= 2 * 64) == (4000, True)


def test_large_clips_are_written_in_smaller_shards(make_pixel_clips, monkeypatch):
    clips = make_pixel_clips(7)
    size = clips[0].observations.nbytes + clips[0].actions.nbytes + clips[0].teacher_rewards.nbytes
    monkeypatch.setattr(clip_shards, "MAX_BATCH_BYTES", 2 * size + 1)
    assert [len(batch) for batch in clip_shards.bounded_batches(clips)] == [3, 3, 1]
    monkeypatch.setattr(clip_shards, "MAX_BATCH_BYTES", 2 * size)
    assert [len(batch) for batch in clip_shards.bounded_batches(clips)] == [2, 2, 2, 1]


def test_a_target_that_holds_something_is_left_alone(database, tmp_path):
    target = tmp_path / "exported"
    target.mkdir()
    (target / "mine.txt").write_text("dear")
    with pytest.raises(ConfigError, match="exists and nothing is overwritten"):
        export(database, target)
    assert [path.read_text() for path in target.iterdir()] == ["dear"]


def test_an_export_that_fails_half_way_leaves_nothing(database, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rlhp_ray.preferences.preference_export.PREFERENCES_FILE", "no/such/directory")
    with pytest.raises(PreferenceStoreError, match=r"exported cannot be written .*nothing was left there"):
        export(database, tmp_path / "exported")
    monkeypatch.setattr("rlhp_ray.preferences.preference_export.write_shard", full)
    with pytest.raises(PreferenceStoreError, match="No space left on device"):
        export(database, tmp_path / "exported")
    assert [path.name for path in tmp_path.iterdir()] == ["stored.sqlite"]


@pytest.mark.parametrize("name", ["header.json", "preferences.parquet", "clips-00001.npz"])
def test_an_export_that_lacks_a_file_is_refused(exported, name):
    (exported / name).unlink()
    assert name in refusal(exported)
    assert "missing" in refusal(exported)


@pytest.mark.parametrize("name", ["header.json", "preferences.parquet", "clips-00001.npz"])
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.95])
def test_a_truncated_file_is_refused(exported, name, kept):
    content = (exported / name).read_bytes()
    (exported / name).write_bytes(content[: int(kept * len(content))])
    message = refusal(exported)
    assert name in message and "damaged" in message and "\n" not in message


def test_damage_inside_a_shard_is_found(exported):
    path = exported / "clips-00000.npz"
    content = bytearray(path.read_bytes())
    middle = len(content) // 3
    content[middle : middle + 40] = b"\xff" * 40
    path.write_bytes(content)
    assert "clips-00000.npz is missing, truncated or damaged" in refusal(exported)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"format": "soup"}, "was not written by rlhp; expected the format 'rlhp-preferences'"),
        ({"format_version": 4}, "was written by a newer rlhp (format 4); this one reads format 3: upgrade rlhp_ray"),
        ({"format_version": "1"}, "has the format version '1'; expected a whole number"),
        ({"format_version": True}, "has the format version True; expected a whole number"),
        ({"preferences": 12}, "has 11 rows and lacks 0 columns []; expected 12 rows"),
        ({"clips": 13}, "has 12 clips in its 3 shards; expected 13"),
        ({"shards": 2}, "has 10 clips in its 2 shards; expected 12"),
        ({"shards": -1}, "expected whole numbers"),
        ({"shards": None}, "expected whole numbers"),
        ({"frame_stack": 0}, "frame_stack = 0"),
        ({"env_id": None}, "has 'None' as its env_id"),
        ({"clip_steps": 2.0}, "has '2.0' as its clip_steps"),
        ({"observation_space": "Box"}, "has 'Box' as its observation_space"),
        ({"action_space": {"n": 4}}, "as its action_space"),
        ({"env_version": 1}, "has '1' as its env_version"),
        ({"frame_skip": "4"}, "has '4' as its frame_skip"),
        ({"hides_score": None}, "has 'None' as its hides_score"),
    ],
)
def test_a_header_that_is_wrong_is_refused(exported, changes, expected):
    alter_header(exported, **changes)
    assert expected in refusal(exported)


@pytest.mark.parametrize("content", ["[]", "{", "null", "[" * 100_000])
def test_a_header_of_another_program_is_refused(exported, content):
    (exported / "header.json").write_text(content)
    assert "header.json" in refusal(exported)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"source": None}, "lacks 1 columns ['source']"),
        ({"answer": ["both"] * 11}, "answer 'both'"),
        ({"query_index": ["first"] * 11}, "preferences.parquet is missing, truncated or damaged"),
        ({"query_index": [-1] * 11}, "query -1"),
        ({"source": [None] * 11}, "preferences.parquet"),
        ({"answered_unix_s": [float("nan")] * 11}, "time nan"),
        ({"left_id": ["0" * 24] * 11}, f"lacks clip {'0' * 24}, to which query 0 refers"),
    ],
    ids=str,
)
def test_a_table_that_is_wrong_is_refused(exported, columns, expected):
    alter_table(exported, **columns)
    message = refusal(exported)
    assert expected in message and str(exported) in message and "\n" not in message


def test_a_query_that_is_there_twice_is_refused(exported):
    table = pq.read_table(exported / "preferences.parquet")
    pq.write_table(pa.concat_tables([table, table.slice(3, 1)]), exported / "preferences.parquet")
    alter_header(exported, preferences=12)
    assert "holds query 3 on the same clips twice" in refusal(exported)


def test_a_table_that_other_tools_wrote_is_read(exported, tmp_path, rows_of):
    """Such as pandas: texts of another width, columns that may be null, an index of their own."""
    rows = pq.read_table(exported / "preferences.parquet").to_pydict()
    columns = {name: pa.array(values) for name, values in reversed(rows.items())}
    columns["answer"] = columns["answer"].cast(pa.large_string())
    columns["env_steps"] = columns["env_steps"].cast(pa.int32())
    pq.write_table(pa.table({"note": ["mine"] * 11, **columns}), exported / "preferences.parquet")
    import_preferences(exported, tmp_path / "imported.sqlite")
    assert rows_of(tmp_path / "imported.sqlite") == rows_of(tmp_path / "stored.sqlite")


@pytest.mark.parametrize("name", ["observations", "teacher_rewards", "next_observation"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_named_with_its_origin(exported, name, value):
    def poison(arrays):
        arrays[name][3].flat[1] = value

    with np.load(exported / "clips-00001.npz") as shard:
        clip_id = shard["clip_id"][3]
    alter_shard(exported, poison, number=1)
    message = refusal(exported, RewardDataError)
    assert f"{exported}, clip {clip_id}" in message
    assert f"NaN or infinity in its {name}" in message


def set_array(name, change):
    return lambda arrays: arrays.update({name: change(arrays[name])})


@pytest.mark.parametrize(
    ("change", "error", "expected"),
    [
        (set_array("actions", lambda a: a[:, :1]), RewardDataError, "has 1 steps; expected 2 like the others"),
        (set_array("actions", lambda a: a[:, 0]), RewardDataError, "has no steps; expected 2"),
        (set_array("observations", lambda a: a[..., :2]), RewardDataError, "observations have the shape (2, 2)"),
        (set_array("teacher_rewards", lambda a: a[:, :1]), RewardDataError, "teacher_rewards have the shape (1,)"),
        (set_array("observations", lambda a: a.astype(np.float64)), RewardDataError, "float64"),
        (set_array("observations", lambda a: a + 1), RewardDataError, "its contents have the id"),
        (set_array("actions", lambda a: a[:2]), PreferenceStoreError, "arrays that do not belong together"),
        (set_array("clip_id", lambda a: np.arange(5)), PreferenceStoreError, "texts in clip_id"),
        (set_array("env_steps", lambda a: a + 0.5), PreferenceStoreError, "env_steps of float64"),
        (lambda arrays: arrays.pop("actions"), PreferenceStoreError, "expected the arrays clip_id"),
    ],
)
def test_a_shard_that_is_wrong_is_refused(exported, change, error, expected):
    alter_shard(exported, change, number=1)
    message = refusal(exported, error)
    assert expected in message and str(exported) in message


def test_a_shard_that_would_need_pickle_is_refused(exported):
    alter_shard(exported, set_array("clip_id", lambda a: a.astype(object)))
    assert "Object arrays cannot be loaded" in refusal(exported)


def test_an_export_of_a_clip_that_is_not_finite_leaves_nothing(
    make_database, make_clips, vector_subject, chain, tmp_path
):
    clips = make_clips(3)
    clips[1] = replace(clips[1], observations=np.full((2, 3), np.nan, np.float32))
    database = make_database("stored.sqlite", vector_subject, clips, chain(clips))
    with pytest.raises(RewardDataError, match=f"stored.sqlite, clip {clips[1].clip_id}: .*NaN or infinity"):
        export(database, tmp_path / "exported")
    assert [path.name for path in tmp_path.iterdir()] == ["stored.sqlite"]


def test_clips_of_mixed_lengths_are_refused(make_database, make_clips, vector_subject, chain, tmp_path):
    clips = make_clips(3) + make_clips(1, steps=3)
    database = make_database("stored.sqlite", vector_subject, clips, chain(clips))
    with pytest.raises(RewardDataError, match=r"it has 3 steps; expected 2 like the others.* mixed lengths"):
        export(database, tmp_path / "exported")


def test_an_export_is_no_database_and_a_database_no_export(exported, tmp_path):
    with pytest.raises(PreferenceStoreError, match="truncated, damaged or no preference database"):
        DatabaseSource(exported / "preferences.parquet")
    with pytest.raises(PreferenceStoreError, match=r"is not a preference export: header.json is missing"):
        ExportSource(tmp_path / "stored.sqlite")
