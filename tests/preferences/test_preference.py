"""What an answer means as a label, and which answers are the same."""

from dataclasses import replace

import pytest

from rlhp_ray.preferences.preference import Answer, Preference, newest_labels

BASE = Preference(3, "a", "b", Answer.LEFT, "oracle", 10)


@pytest.mark.parametrize(("answer", "mu_left"), [("left", 1.0), ("right", 0.0), ("equal", 0.5), ("skip", None)])
def test_label_targets(answer, mu_left):
    assert Answer(answer).mu_left == mu_left


@pytest.mark.parametrize(
    ("answer", "mirrored"), [("left", "right"), ("right", "left"), ("equal", "equal"), ("skip", "skip")]
)
def test_the_same_judgement_the_other_way_round(answer, mirrored):
    said = replace(BASE, answer=Answer(answer))
    turned = Preference(8, "b", "a", Answer(mirrored), "oracle", 99)
    assert said.judgement == turned.judgement


@pytest.mark.parametrize(
    "change",
    [
        {"answer": Answer.RIGHT},
        {"answer": Answer.EQUAL},
        {"source": "anna"},
        {"right_id": "c"},
        {"left_id": "b", "right_id": "a"},
    ],
    ids=str,
)
def test_another_judgement(change):
    assert replace(BASE, **change).judgement != BASE.judgement


def test_the_newest_labels_leave_out_skips():
    answers = (Answer.LEFT, Answer.SKIP, Answer.EQUAL, Answer.RIGHT, Answer.SKIP)
    preferences = [replace(BASE, query_index=index, answer=answer) for index, answer in enumerate(answers)]
    indices = {window: [p.query_index for p in newest_labels(preferences, window)] for window in (1, 2, 3, 9, None)}
    assert indices == {1: [3], 2: [2, 3], 3: [0, 2, 3], 9: [0, 2, 3], None: [0, 2, 3]}
