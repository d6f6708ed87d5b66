"""How good the answers of people are: each by themselves, and all together."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from rlhp_ray.preferences.check_queries import CheckKind
from rlhp_ray.preferences.judgements import Judgement
from rlhp_ray.preferences.preference import Answer
from rlhp_ray.statistics.mean_interval import Interval
from rlhp_ray.statistics.rater_agreement import cohens_kappa, krippendorff_alpha
from rlhp_ray.statistics.wilson_interval import wilson_interval

MAX_COUPLES = 20  # of people whose agreement is told, those with most pairs in common first
FEWEST_FOR_BIAS = 10


@dataclass(frozen=True)
class Share:
    """`count` of `number` cases; `interval` is Wilson's, at 95 %, None where there is no case."""

    count: int
    number: int

    @property
    def interval(self) -> Interval | None:
        return wilson_interval(self.count, self.number) if self.number else None

    @property
    def text(self) -> str:
        """`12 % of 50 (6 to 24)`."""
        interval = self.interval
        if interval is None:
            return "-"
        told = f"{100 * self.count / self.number:.0f} % of {self.number}"
        return f"{told} ({100 * interval.low:.0f} to {100 * interval.high:.0f})"


@dataclass(frozen=True)
class LabellerQuality:
    """One person.

    Args:
        labeller: their name.
        answers: to pairs that are learnt from, skips included.
        skipped: of all answers.
        left: of all answers that chose a side, those that chose the left one: the side bias, as sides are shown at
            random.
        consistent: of their own pairs shown again with the sides swapped, those of which they said the same.
        wrong: of gold pairs, those of which they chose the other side or neither: the estimated error rate.
        median_seconds: response time; None where there is no answer.
    """

    labeller: str
    answers: int
    skipped: Share
    left: Share
    consistent: Share
    wrong: Share
    median_seconds: float | None

    @property
    def is_biased(self) -> bool:
        """Whether the interval of `left` leaves out one half."""
        interval = self.left.interval
        return interval is not None and self.left.number >= FEWEST_FOR_BIAS and not interval.low <= 0.5 <= interval.high


@dataclass(frozen=True)
class Couple:
    """Two people: of `pairs` that both judged, Cohen's `kappa`; None where chance would agree as well."""

    first: str
    second: str
    pairs: int
    kappa: float | None


@dataclass(frozen=True)
class PeopleQuality:
    """All people of a run.

    Args:
        labellers: by name.
        couples: of people who judged the same pairs, at most MAX_COUPLES.
        shared_pairs: that more than one person judged.
        alpha: Krippendorff's, over all of them; None where nothing can be said.
    """

    labellers: tuple[LabellerQuality, ...]
    couples: tuple[Couple, ...]
    shared_pairs: int
    alpha: float | None


def people_quality(judgements: Sequence[Judgement]) -> PeopleQuality:
    """Of every person; agreement is between left, right and equal: who skips says nothing of a pair.

    Args:
        judgements: in the order in which they were given; of each person's the first one of a pair is compared.
    """
    by_labeller: dict[str, list[Judgement]] = defaultdict(list)
    by_pair: dict[tuple[str, str], dict[str, Answer]] = defaultdict(dict)
    for each in judgements:
        by_labeller[each.labeller].append(each)
        if each.answer is not Answer.SKIP:
            by_pair[each.pair].setdefault(each.labeller, each.answer_of_pair)
    shared = [said for said in by_pair.values() if len(said) > 1]
    return PeopleQuality(
        tuple(_quality(name, given) for name, given in sorted(by_labeller.items())),
        _couples(shared),
        len(shared),
        krippendorff_alpha(list(said.values()) for said in shared),
    )


def _quality(labeller: str, given: Sequence[Judgement]) -> LabellerQuality:
    decided = [each for each in given if each.answer in (Answer.LEFT, Answer.RIGHT)]
    said = [each for each in given if each.answer is not Answer.SKIP]
    repeats = [each for each in said if each.check is CheckKind.REPEAT]
    gold = [each for each in said if each.check is CheckKind.GOLD]
    return LabellerQuality(
        labeller=labeller,
        answers=sum(each.check is None for each in given),
        skipped=Share(len(given) - len(said), len(given)),
        left=Share(sum(each.answer is Answer.LEFT for each in decided), len(decided)),
        consistent=Share(sum(each.answer is each.expected for each in repeats), len(repeats)),
        wrong=Share(sum(each.answer is not each.expected for each in gold), len(gold)),
        median_seconds=median(each.response_seconds for each in given) if given else None,
    )


def _couples(shared: Sequence[dict[str, Answer]]) -> tuple[Couple, ...]:
    compared: dict[tuple[str, str], list[tuple[Answer, Answer]]] = defaultdict(list)
    for said in shared:
        for first, second in combinations(sorted(said), 2):
            compared[first, second].append((said[first], said[second]))
    most = sorted(compared.items(), key=lambda item: (-len(item[1]), item[0]))[:MAX_COUPLES]
    return tuple(Couple(*names, len(pairs), cohens_kappa(pairs)) for names, pairs in most)


LABELLER_HEAD = (
    "labeller", "answers", "skipped", "left side chosen", "consistent on repeats", "wrong on gold pairs",
    "seconds an answer",
)  # fmt: skip
COUPLE_HEAD = ("first", "second", "pairs of both", "Cohen's kappa")


def labeller_rows(quality: PeopleQuality) -> list[list[str]]:
    """Texts under LABELLER_HEAD; shares with Wilson's interval at 95 %."""
    return [
        [
            each.labeller,
            f"{each.answers:,}",
            each.skipped.text,
            each.left.text + (" biased" if each.is_biased else ""),
            each.consistent.text,
            each.wrong.text,
            "-" if each.median_seconds is None else f"{each.median_seconds:.1f}",
        ]
        for each in quality.labellers
    ]


def couple_rows(quality: PeopleQuality) -> list[list[str]]:
    """Texts under COUPLE_HEAD."""
    return [[each.first, each.second, f"{each.pairs:,}", _score_text(each.kappa)] for each in quality.couples]


def agreement_text(quality: PeopleQuality) -> str:
    """One sentence on how far all people agree."""
    if not quality.shared_pairs:
        return "No pair was judged by more than one person, so that nothing is known of how far people agree."
    pairs = f"{quality.shared_pairs:,} pair{'' if quality.shared_pairs == 1 else 's'}"
    return (
        f"Agreement on {pairs} that more than one person judged: Krippendorff's alpha {_score_text(quality.alpha)} "
        "(1 is full agreement, 0 that of chance)."
    )


def _score_text(score: float | None) -> str:
    return "not defined" if score is None else f"{score:.2f}"
