"""Saved clips labelled without a run, and what cannot be served."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rlhp_ray.errors import LabellingError
from rlhp_ray.labelling.saved_clips import labelled_store, offer_saved
from rlhp_ray.labelling.serving_options import ServingOptions
from rlhp_ray.labelling.session import invite, listening, serve_labels
from rlhp_ray.preferences.preference import Answer, Preference
from rlhp_ray.preferences.preference_source import DatabaseSource
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.preference_subject import PreferenceSubject
from rlhp_ray.preferences.query_queue import QueryQueue
from tests.labelling.conftest import dot_clip

BOX = {"type": "Box", "shape": [2], "dtype": "float32", "low": "0x0.0p+0", "high": "0x1.0p+0"}
SUBJECT = PreferenceSubject("rlhp/MovingDot-v0", 10, BOX, {"type": "Discrete", "n": 5, "start": 0})


@pytest.fixture
def gathered(tmp_path: Path) -> Path:
    """A directory with three answered pairs."""
    clips = [dot_clip(0.1 * number, 0.5) for number in range(6)]
    store = PreferenceStore(tmp_path / "preferences.sqlite", SUBJECT.to_metadata())
    pairs = zip(clips[::2], clips[1::2], strict=True)
    told = [Preference(i, a.clip_id, b.clip_id, Answer.LEFT, "oracle", 0) for i, (a, b) in enumerate(pairs)]
    store.record(told, clips)
    store.close()
    return tmp_path


def test_saved_pairs_are_asked_anew_and_the_answers_can_be_loaded(gathered):
    database, queue = gathered / "preferences.sqlite", QueryQueue(gathered / "labelling.sqlite")
    for _ in range(2):
        offer_saved(queue, database, "Which?")
    assert queue.counts().waiting == 3
    with labelled_store(queue, database):
        for query in queue.lease("ada", 2):
            queue.answer(f"s{query.query_id}", query.query_id, "ada", Answer.RIGHT, 1.0)
    with DatabaseSource(gathered / "labelled" / "preferences.sqlite") as source:
        assert source.subject == SUBJECT
        assert [(each.preference.answer, each.preference.source) for each in source.preferences()] == [
            (Answer.RIGHT, "ada"),
            (Answer.RIGHT, "ada"),
        ]


def test_the_command_serves_until_it_is_interrupted_and_names_the_directory(gathered):
    command = [sys.executable, "-m", "rlhp_ray.cli", "label", str(gathered), "--port", "18555"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline() == "rlhp: label at http://127.0.0.1:18555/\n"
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", 18555), 1):
            break
        time.sleep(0.05)
    again = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (again.returncode, "expected one process at a time" in again.stderr) == (1, True)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out.splitlines()[-1:], err) == (0, [str(gathered / "labelled")], "")


def test_where_there_is_nothing_to_label_that_is_said(tmp_path):
    with pytest.raises(LabellingError, match="holds nothing to label: neither labelling"):
        serve_labels(tmp_path, ServingOptions(), "person", "Which?")
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_gives_the_next_one(capsys):
    with listening(18666) as first, listening(18666) as second:
        assert (first.getsockname()[1], second.getsockname()[1]) == (18666, 18667)
    assert capsys.readouterr().err == "rlhp: port 18666 is taken; using 18667\n"


def test_the_page_of_a_run_that_shares_its_answers_is_that_of_its_sweep(tmp_path):
    (tmp_path / "seed0").mkdir()
    (tmp_path / "seed0" / "config.yaml").touch()
    (tmp_path / "sweep.yaml").touch()
    QueryQueue(tmp_path / "labelling.sqlite").close()
    invite(tmp_path / "seed0", ServingOptions(address="https://labels.example.org"), "ada")
    assert (tmp_path / ".labelling").is_dir()
    assert [path.name for path in (tmp_path / "seed0").iterdir()] == ["config.yaml"]
