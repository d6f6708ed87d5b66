"""A labeller who says the opposite is withdrawn while the run goes on: the reward is fitted anew without them."""

import json
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from rlhp_ray.preferences.preference import Answer
from rlhp_ray.preferences.query_queue import QueryQueue
from rlhp_ray.preferences.queue_database import QUEUE_FILE

LABELS, WITHDRAWN_AFTER = 300, 150
MAX_SECONDS = 600


def answer_all(queue: QueryQueue, rng: random.Random) -> None:
    """Ada says what the game pays, bob the opposite, each of whatever pair comes."""
    for who in ("ada", "bob"):
        for query in queue.lease(who, 1):
            left, right = (queue.clip(clip_id).teacher_rewards.sum() for clip_id in (query.left_id, query.right_id))
            is_left = (left > right) == (who == "ada")
            queue.answer(f"{rng.random():.16f}", query.query_id, who, Answer.LEFT if is_left else Answer.RIGHT, 1.0)


@pytest.mark.learning
def test_the_run_learns_from_what_is_left(tmp_path: Path) -> None:
    run, log = tmp_path / "run", tmp_path / "log.txt"
    rlhp = [sys.executable, "-m", "rlhp_ray.cli"]
    command = [*rlhp, "train", "moving_dot", "teacher.preset=people", "name=run", f"output_dir={tmp_path}"]
    command += [f"preferences.labels={LABELS}", "labelling.own_page=false"]
    rng, started, is_withdrawn = random.Random(0), time.monotonic(), False
    with log.open("w") as file:
        process = subprocess.Popen(command, stderr=file, stdout=subprocess.DEVNULL)
        try:
            while not (run / QUEUE_FILE).exists():
                assert process.poll() is None, log.read_text()
                time.sleep(0.1)
            with closing(QueryQueue(run / QUEUE_FILE)) as queue:
                while process.poll() is None:
                    assert time.monotonic() - started < MAX_SECONDS, log.read_text()
                    answer_all(queue, rng)
                    time.sleep(0.05)
                    if not is_withdrawn and len(queue.taken()) >= WITHDRAWN_AFTER:
                        subprocess.run([*rlhp, "preferences", "withdraw", str(run), "--labeller", "bob"], check=True)
                        is_withdrawn = True
        finally:
            process.kill()
    assert process.wait() == 0, log.read_text()
    with closing(sqlite3.connect(run / "preferences.sqlite")) as connection:
        stored = dict(connection.execute("SELECT source, count(*) FROM preferences GROUP BY source").fetchall())
    summary = json.loads((run / "summary.json").read_text())
    assert "Answers were withdrawn or weighted: the next round fits the reward anew" in log.read_text()
    assert min(stored.values()) > WITHDRAWN_AFTER / 3, "nothing was deleted"
    assert summary["labels"] == stored["ada"] and summary["queries"] == sum(stored.values())
    assert summary["true_return_mean"] >= 60, summary
