"""The page of a run is served while the run goes on, and again when its process is killed."""

import os
import re
import signal
import time
import urllib.request
from pathlib import Path

from rlhp_ray.config.loading import load_config
from rlhp_ray.experiment import labelling_page as page
from rlhp_ray.experiment.run_archive import RunArchive
from rlhp_ray.preferences.query_queue import QueryQueue

PEOPLE = ["teacher.preset=people", "labelling.instruction=Which?"]


def address_in(log: Path, number: int) -> str:
    """The address that the server said for the `number`th time."""
    for _ in range(400):
        found = re.findall(r"label at (http://\S+)", log.read_text())
        if len(found) > number:
            return found[number]
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def test_it_is_up_until_the_run_ends_and_comes_back_when_it_is_killed(tmp_path, monkeypatch):
    log = tmp_path / "log.txt"
    with log.open("w") as file:
        monkeypatch.setattr("sys.stderr", file)
        with page.labelling_page(RunArchive(tmp_path), load_config("moving_dot", PEOPLE)):
            with urllib.request.urlopen(address_in(log, 0)) as response:
                assert b"rlhp-token" in response.read()
            os.kill(int((tmp_path / ".labelling" / ".lock").read_text().split()[1]), signal.SIGKILL)
            with urllib.request.urlopen(address_in(log, 1)) as response:
                assert b"rlhp-token" in response.read()
    assert QueryQueue(tmp_path / "labelling.sqlite").facts()["ended"] is True
    assert (tmp_path / ".labelling" / ".lock").read_text() == ""


def test_with_a_simulated_teacher_there_is_none(tmp_path):
    with page.labelling_page(RunArchive(tmp_path), load_config("moving_dot")):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_a_page_of_its_own_says_how_to_serve_it(tmp_path, capsys):
    config = load_config("moving_dot", [*PEOPLE, "labelling.own_page=false"])
    with page.labelling_page(RunArchive(tmp_path), config):
        assert capsys.readouterr().err == f"rlhp: serve the page of this run with: rlhp label {tmp_path}\n"
        assert QueryQueue(tmp_path / "labelling.sqlite").facts()["ended"] is False
    assert QueryQueue(tmp_path / "labelling.sqlite").facts()["ended"] is True
    assert not (tmp_path / ".labelling").exists()
