"""The page of a run is served while the run goes on, and again when its process is killed."""

import os
import re
import signal
import sys
import threading
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from rlhp_ray.clips.clip import Clip
from rlhp_ray.config.loading import load_config
from rlhp_ray.envs.registry import describe_env
from rlhp_ray.errors import PreferenceStoreError
from rlhp_ray.experiment import labelling_page as page
from rlhp_ray.experiment import trial
from rlhp_ray.experiment.run_archive import RunArchive
from rlhp_ray.preferences.preference import Answer, Preference
from rlhp_ray.preferences.preference_store import PreferenceStore
from rlhp_ray.preferences.query_queue import QueryQueue
from rlhp_ray.reward.run_ensemble import ensemble_spec, preference_subject

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
        with page.labelling_page(tmp_path, load_config("moving_dot", PEOPLE)):
            with urllib.request.urlopen(address_in(log, 0)) as response:
                assert b"rlhp-token" in response.read()
            os.kill(int((tmp_path / ".labelling" / ".lock").read_text().split()[1]), signal.SIGKILL)
            with urllib.request.urlopen(address_in(log, 1)) as response:
                assert b"rlhp-token" in response.read()
    assert QueryQueue(tmp_path / "labelling.sqlite").facts()["ended"] is True
    assert (tmp_path / ".labelling" / ".lock").read_text() == ""


def test_with_a_simulated_teacher_there_is_none(tmp_path):
    with page.labelling_page(tmp_path, load_config("moving_dot")):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_a_page_of_its_own_says_how_to_serve_it(tmp_path, capsys):
    config = load_config("moving_dot", [*PEOPLE, "labelling.own_page=false"])
    with page.labelling_page(tmp_path, config):
        assert capsys.readouterr().err == f"rlhp: serve the page of this run with: rlhp label {tmp_path}\n"
        assert QueryQueue(tmp_path / "labelling.sqlite").facts()["ended"] is False
    assert QueryQueue(tmp_path / "labelling.sqlite").facts()["ended"] is True
    assert not (tmp_path / ".labelling").exists()


def test_gold_pairs_are_in_the_queue_before_anything_starts_and_rates_are_stated(tmp_path, capsys):
    (tmp_path / "run").mkdir()
    words = [f"labelling.gold={tmp_path / 'gold.sqlite'}", "labelling.repeat_rate=0.1", "labelling.own_page=false"]
    config = load_config("moving_dot", [*PEOPLE, *words])
    description = describe_env(config.env.id)
    steps = config.preferences.clip_steps
    clips = [
        Clip(np.full((steps, 2), x, np.float32), np.zeros(steps, np.int64), np.zeros(steps, np.float32), 0)
        for x in (0.25, 0.5)
    ]
    subject = preference_subject(config, ensemble_spec(config, description))
    store = PreferenceStore(tmp_path / "gold.sqlite", subject.to_metadata())
    store.record([Preference(0, clips[0].clip_id, clips[1].clip_id, Answer.RIGHT, "me", 0)], clips)
    store.close()
    trial._check_inputs(RunArchive(tmp_path / "run"), config, description)
    assert f"gold pairs to check people by: 1 of {tmp_path / 'gold.sqlite'}" in capsys.readouterr().err
    with page.labelling_page(tmp_path / "run", config):
        facts = QueryQueue(tmp_path / "run" / "labelling.sqlite").facts()
    assert (facts["gold_rate"], facts["repeat_rate"], facts["overlap_rate"]) == (0.05, 0.1, 0.0)


def test_gold_about_something_else_is_refused(tmp_path):
    (tmp_path / "run").mkdir()
    config = load_config("moving_dot", [*PEOPLE, f"labelling.gold={tmp_path / 'gold.sqlite'}"])
    other = load_config("cartpole", [])
    subject = preference_subject(other, ensemble_spec(other, describe_env(other.env.id)))
    PreferenceStore(tmp_path / "gold.sqlite", subject.to_metadata()).close()
    with pytest.raises(PreferenceStoreError, match="has another environment than this configuration"):
        trial._check_inputs(RunArchive(tmp_path / "run"), config, describe_env(config.env.id))


@pytest.fixture
def dying(tmp_path, monkeypatch):
    """A server that dies so many times at once, and then stays; says how often it was started."""
    monkeypatch.setattr(page, "MAX_STARTS", 3)
    monkeypatch.setattr(page, "RESTART_SECONDS", 0.01)
    starts = tmp_path / "starts"
    starts.touch()

    def command(deaths: int) -> list[str]:
        code = (
            "import sys, time; open(sys.argv[1], 'a').write('.'); "
            f"len(open(sys.argv[1]).read()) > {deaths} and time.sleep(60)"
        )
        return [sys.executable, "-c", code, str(starts)]

    return SimpleNamespace(command=command, count=lambda: len(starts.read_text()))


def wait_until(what) -> None:
    for _ in range(600):
        if what():
            return
        time.sleep(0.05)
    raise AssertionError("not within 30 s")


def test_the_last_server_that_may_be_started_is_kept(dying, capfd):
    with page._kept_up(dying.command(deaths=3)):
        wait_until(lambda: dying.count() == 4)
        time.sleep(0.3)  # in which it was stopped once
        keepers = [thread for thread in threading.enumerate() if thread.name == "labelling page"]
        assert len(keepers) == 1
    assert "not started again" not in capfd.readouterr().err


def test_a_server_that_dies_too_often_in_a_row_is_given_up_in_words(dying, capfd):
    told = ""
    with page._kept_up(dying.command(deaths=99)):
        wait_until(lambda: dying.count() == 4)
        wait_until(lambda: not any(thread.name == "labelling page" for thread in threading.enumerate()))
        told = capfd.readouterr().err
    assert "died 4 times in a row, and is not started again. Serve it with: rlhp" in told
