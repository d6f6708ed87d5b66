"""How far people who judge the same things agree, beyond what chance would give."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence


def cohens_kappa(pairs: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """Cohen's kappa of two people (Cohen 1960):

        kappa = (p_o - p_e) / (1 - p_e)

    p_o is the share of things of which both say the same, p_e what it would be if each said what they say as often, but
    of things taken at random. 1 is full agreement, 0 that of chance.

    Args:
        pairs: what the first and the second say of each thing.

    Returns:
        None where there is nothing, or both always say one and the same, so that chance agrees, too.
    """
    number = len(pairs)
    if not number:
        return None
    observed = sum(first == second for first, second in pairs) / number
    firsts, seconds = Counter(first for first, _ in pairs), Counter(second for _, second in pairs)
    expected = sum(count * seconds[said] for said, count in firsts.items()) / number**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def krippendorff_alpha(units: Iterable[Sequence[Hashable]]) -> float | None:
    """Krippendorff's alpha for names (nominal data), any number of people, and things that some did not judge:

        alpha = 1 - D_o / D_e,  D_o = sum_(c != k) o_ck / n,  D_e = sum_(c != k) n_c n_k / (n (n - 1))

    o_ck counts, for each thing, the ordered pairs of its m judgements that say c and k, each as 1 / (m - 1); n_c is the
    sum of o_ck over k, n of all (Krippendorff 2011, *Computing Krippendorff's Alpha-Reliability*).

    Args:
        units: for each thing, what was said of it, once by each person; those with one judgement tell nothing.

    Returns:
        1 for full agreement, 0 for that of chance; None where nothing was judged twice, or all say one and the same.
    """
    totals: Counter[Hashable] = Counter()
    disagreeing = 0.0
    for unit in units:
        judged = len(unit)
        if judged < 2:
            continue
        counts = Counter(unit)
        totals.update(counts)
        disagreeing += sum(count * (judged - count) for count in counts.values()) / (judged - 1)
    number = totals.total()
    by_chance = sum(count * (number - count) for count in totals.values())
    return None if by_chance == 0 else 1 - disagreeing * (number - 1) / by_chance
