"""Quality of people's answers, against figures made by hand."""

import pytest

from rlhp_ray.preferences.check_queries import CheckKind
from rlhp_ray.preferences.judgements import Judgement
from rlhp_ray.preferences.labeller_quality import (
    COUPLE_HEAD,
    LABELLER_HEAD,
    Share,
    agreement_text,
    couple_rows,
    labeller_rows,
    people_quality,
)
from rlhp_ray.preferences.preference import Answer
from rlhp_ray.statistics.wilson_interval import wilson_interval

LEFT, RIGHT, EQUAL, SKIP = Answer


def judgement(who, number, answer, seconds=2.0, check=None, expected=None, swapped=False) -> Judgement:
    ids = (f"{number}a", f"{number}b")[:: -1 if swapped else 1]
    return Judgement(who, *ids, answer, seconds, check, expected)


def test_one_person_by_hand():
    repeat, gold = CheckKind.REPEAT, CheckKind.GOLD
    given = [
        judgement("ada", 1, LEFT, 1.0),
        judgement("ada", 2, LEFT, 2.0),
        judgement("ada", 3, SKIP, 9.0),
        judgement("ada", 4, EQUAL, 3.0),
        judgement("ada", 1, RIGHT, 4.0, repeat, RIGHT, swapped=True),
        judgement("ada", 2, LEFT, 5.0, repeat, RIGHT, swapped=True),
        judgement("ada", 5, SKIP, 6.0, repeat, RIGHT),
        judgement("ada", 6, LEFT, 7.0, gold, RIGHT),
        judgement("ada", 7, RIGHT, 8.0, gold, RIGHT),
        judgement("ada", 8, EQUAL, 8.0, gold, RIGHT),
    ]
    (found,) = people_quality(given).labellers
    assert (found.labeller, found.answers, found.median_seconds) == ("ada", 4, 5.5)
    assert (found.skipped, found.left) == (Share(2, 10), Share(4, 6))
    assert (found.consistent, found.wrong) == (Share(1, 2), Share(2, 3))
    assert found.wrong.interval == wilson_interval(2, 3)
    assert not found.is_biased


def test_side_bias_is_said_where_the_interval_leaves_out_one_half():
    for lefts, biased in ((5, False), (8, False), (9, True), (10, True)):
        answers = [LEFT] * lefts + [RIGHT] * (10 - lefts)
        quality = people_quality([judgement("ada", i, answer) for i, answer in enumerate(answers)])
        assert quality.labellers[0].is_biased is biased
        assert labeller_rows(quality)[0][3].endswith(" biased") is biased


def test_agreement_is_about_the_pair_whichever_way_round_it_was_shown():
    """ada and bob differ in one of four pairs: lefts 2 and 3 of 4, p_e = (2 * 3 + 2 * 1) / 16, kappa = 0.5."""
    given = [judgement("ada", number, answer) for number, answer in enumerate([LEFT, LEFT, RIGHT, RIGHT])]
    overlap = CheckKind.OVERLAP
    given += [
        judgement("bob", 0, RIGHT, check=overlap, swapped=True),
        judgement("bob", 1, LEFT, check=overlap),
        judgement("bob", 2, LEFT, check=overlap),
        judgement("bob", 3, LEFT, check=overlap, swapped=True),
        judgement("bob", 9, LEFT),
        judgement("ada", 0, RIGHT, check=CheckKind.REPEAT, expected=RIGHT),  # her first word counts
        judgement("eve", 0, SKIP, check=overlap),
    ]
    quality = people_quality(given)
    assert [(each.first, each.second, each.pairs) for each in quality.couples] == [("ada", "bob", 4)]
    assert quality.couples[0].kappa == pytest.approx(0.5)
    # D_o = 2/8; n_left = 5, n_right = 3, D_e = 30/56
    assert quality.alpha == pytest.approx(1 - (2 / 8) / (30 / 56))
    assert couple_rows(quality) == [["ada", "bob", "4", "0.50"]]
    assert agreement_text(quality).startswith("Agreement on 4 pairs that more than one person judged")


def test_where_nothing_is_known_that_is_said():
    assert people_quality([]).labellers == ()
    quality = people_quality([judgement("ada", 1, SKIP)])
    assert labeller_rows(quality) == [["ada", "1", "100 % of 1 (21 to 100)", "-", "-", "-", "2.0"]]
    assert agreement_text(quality).startswith("No pair was judged by more than one person")
    assert len(LABELLER_HEAD) == 7 and len(COUPLE_HEAD) == 4
