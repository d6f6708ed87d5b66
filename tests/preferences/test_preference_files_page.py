"""docs/preference_files.md names the fields that are written: those, and no others."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from rlhp_ray.preferences.preference_export import write_export
from rlhp_ray.preferences.preference_source import DatabaseSource

PAGE = Path(__file__).resolve().parents[2] / "docs" / "preference_files.md"


@pytest.fixture
def exported(make_database, vector_subject, make_clips, make_origin, chain, tmp_path):
    clips = [replace(clip, origin=make_origin(5)) for clip in make_clips(3)]
    with DatabaseSource(make_database("stored.sqlite", vector_subject, clips, chain(clips))) as source:
        write_export(source, tmp_path / "exported")
    return tmp_path / "exported"


def documented(file):
    """The cells of the table below the heading of a file, by the name in the first column."""
    (section,) = re.findall(rf"^### {re.escape(file)}\n(.*?)(?=^##|\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE)
    return {name: cells.split(" | ") for name, cells in rows}


def test_every_file_that_is_written_has_a_section(exported):
    assert sorted(path.name for path in exported.iterdir()) == [
        "clips-00000.npz",
        "header.json",
        "preferences.parquet",
    ]
    for path in exported.iterdir():
        assert documented(path.name)


def test_the_fields_of_the_header_are_documented(exported):
    assert list(documented("header.json")) == list(json.loads((exported / "header.json").read_text()))


def test_the_columns_of_the_table_are_documented_with_their_types(exported):
    schema = pq.read_schema(exported / "preferences.parquet")
    assert {name: cells[0] for name, cells in documented("preferences.parquet").items()} == {
        field.name: str(field.type) for field in schema
    }


def test_the_arrays_of_a_shard_are_documented(exported):
    with np.load(exported / "clips-00000.npz", allow_pickle=False) as shard:
        assert list(documented("clips-00000.npz")) == list(shard)


def test_an_origin_is_documented_and_read_as_the_page_says(exported):
    (code,) = re.findall(r"```python\n(import zlib\n.*?)```", PAGE.read_text(), re.DOTALL)
    with np.load(exported / "clips-00000.npz", allow_pickle=False) as clips:
        names = {"clips": dict(clips), "n": 1, "json": json}
    exec(code, names)
    assert set(documented("An origin")) == names["origin"].keys()
    assert names["game"] == {
        "format": "rlhp clip origin",
        "version": 1,
        "rom": "pong",
        "frame_skip": 4,
        "first_step": 5,
    }
    assert names["origin"]["starts"].tolist() == [[3, 17, 0, 6], [4, 5, 1, 0]]
    assert names["origin"]["actions"].tolist() == [0, 1, 2, 3, 4, 5]
