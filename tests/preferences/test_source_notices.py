"""A source that has a weight and never answers is told of, once."""

import pytest

from rlhp_ray.preferences.preference import Answer, Preference
from rlhp_ray.preferences.source_notices import SourceNotices


def by(*sources: str) -> list[Preference]:
    return [Preference(index, "a", "b", Answer.LEFT, source, 0) for index, source in enumerate(sources)]


def test_a_source_that_never_answers_is_named_once_with_those_that_do():
    notices = SourceNotices(["oracel", "human:alice"])
    notices.take_in(by("oracle", "human:alice", "oracle"))
    (text,) = notices.take()
    assert "names 'oracel', from which no answer has come so far; answers are from 'oracle', 'human:alice'" in text
    notices.take_in(by("oracle"))
    assert notices.take() == []


def test_nothing_is_told_before_there_are_answers():
    notices = SourceNotices(["anna"])
    notices.take_in([])
    assert notices.take() == []
    notices.take_in(by("oracle"))
    assert len(notices.take()) == 1


@pytest.mark.parametrize("named", [[], ["oracle"], ["anna", "oracle"]])
def test_nothing_is_told_where_all_that_are_named_answer(named):
    notices = SourceNotices(named)
    notices.take_in(by("anna", "oracle"))
    assert notices.take() == []
