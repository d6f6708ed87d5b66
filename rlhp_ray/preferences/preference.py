"""A preference: the answer to one query about a pair of clips."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Answer(StrEnum):
    """What a teacher or a labeller says of a pair."""

    LEFT = "left"
    RIGHT = "right"
    EQUAL = "equal"
    SKIP = "skip"

    @property
    def mu_left(self) -> float | None:
        """Label target mu(left) of C17 s2.2.3; None where the answer is dropped."""
        return {"left": 1.0, "right": 0.0, "equal": 0.5, "skip": None}[self.value]

    @property
    def mirrored(self) -> "Answer":
        """The same said of the pair shown the other way round."""
        return {Answer.LEFT: Answer.RIGHT, Answer.RIGHT: Answer.LEFT}.get(self, self)


@dataclass(frozen=True)
class Preference:
    """One answered query.

    Args:
        query_index: running number of the query in its trial, from 0.
        left_id: clip id shown on the left.
        right_id: clip id shown on the right.
        answer: what was said.
        source: who said it, e.g. `oracle`.
        env_steps: env steps of the run when it was asked.
    """

    query_index: int
    left_id: str
    right_id: str
    answer: Answer
    source: str
    env_steps: int

    @property
    def judgement(self) -> tuple[str, str, str, str]:
        """What was said of which pair by whom, the same whichever way round it was shown: duplicates share it."""
        if self.left_id <= self.right_id:
            return self.left_id, self.right_id, self.answer.value, self.source
        return self.right_id, self.left_id, self.answer.mirrored.value, self.source


def newest_labels(preferences: Sequence[Preference], window: int | None) -> list[Preference]:
    """The last answers that can be trained on, at most `window` of them; None for all."""
    labels = [p for p in preferences if p.answer.mu_left is not None]
    return labels if window is None else labels[-window:]
