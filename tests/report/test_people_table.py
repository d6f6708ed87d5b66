"""The report says who labelled a run, and how well."""

from contextlib import closing

import numpy as np

from rlhp_ray.clips.clip import Clip
from rlhp_ray.preferences.preference import Answer
from rlhp_ray.preferences.query_queue import QueryQueue
from rlhp_ray.preferences.queue_database import QUEUE_FILE


def people_part(page: str) -> str:
    return page.partition("<h3>People</h3>")[2].partition("<h3>Runs</h3>")[0]


def answer_some(directory) -> None:
    clips = [
        Clip(np.full((2, 3), number, np.float32), np.zeros(2, np.int64), np.zeros(2, np.float32), env_steps=0)
        for number in range(20)
    ]
    with closing(QueryQueue(directory / QUEUE_FILE)) as queue:
        queue.offer([(a.clip_id, b.clip_id) for a, b in zip(clips[::2], clips[1::2], strict=True)], clips, 0)
        for query in queue.lease("ada", 5):
            queue.answer(f"a{query.query_id}", query.query_id, "ada", Answer.LEFT, 2.5)
        queue.state_facts({"overlap_rate": 0.3})
        for _ in range(5):
            query = queue.lease("<bob>", 1)[0]
            queue.answer(f"b{query.query_id}", query.query_id, "<bob>", Answer.RIGHT, 1.0)


def test_each_person_has_a_row(make_run, write, blank_pictures):
    answer_some(make_run("labelled"))
    make_run("taught", seed=1)
    part = people_part(write())
    assert "<td>ada</td><td>5</td><td>0 % of 5 (0 to 43)</td><td>100 % of 5 (57 to 100)</td>" in part
    assert "&lt;bob&gt;" in part and "<bob>" not in part
    assert "labelled: Agreement on 1 pair that" in part and "taught" not in part
    assert "<td>&lt;bob&gt;</td><td>ada</td><td>1</td><td>0.00</td>" in part


def test_without_people_there_is_no_such_part(make_run, write, blank_pictures):
    make_run("taught")
    assert "<h3>People</h3>" not in write()


def test_a_damaged_queue_is_a_flaw_of_its_run(make_run, write, blank_pictures):
    (make_run("labelled") / QUEUE_FILE).write_bytes(b"no database" * 500)
    page = write()
    assert "<h3>People</h3>" not in page and "expected a queue that rlhp wrote" in page


def test_answers_that_the_runs_of_a_sweep_share_are_told_once(make_run, write, blank_pictures, runs_dir):
    for seed in (0, 1):
        make_run(f"seed{seed}", folder=runs_dir / "shared", seed=seed)
    (runs_dir / "shared" / "sweep.yaml").touch()
    answer_some(runs_dir / "shared")
    part = people_part(write())
    assert part.count("<td>ada</td><td>5</td>") == 1
    assert "shared: Agreement on 1 pair that" in part
