"""docs/preference_files.md names the fields that are written: those, and no others."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from rlhp_ray.preferences.preference_export import write_export
from rlhp_ray.preferences.preference_source import DatabaseSource

PAGE = Path(__file__).resolve().parents[2] / "docs" / "preference_files.md"


@pytest.fixture
def exported(make_database, vector_subject, make_clips, chain, tmp_path):
    clips = make_clips(3)
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
