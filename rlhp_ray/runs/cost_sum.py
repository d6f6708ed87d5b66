"""What several runs cost together, as text: they may have no prices, or prices in different currencies."""

from collections.abc import Mapping, Sequence
from typing import Any

from rlhp_ray.experiment.run_cost import money_text

NO_PRICE = "no price is known"


def money_of(facts: Mapping[str, Any]) -> tuple[float, str] | None:
    """Amount and currency of a run; None where it had no price."""
    amount, currency = facts.get("cost"), facts.get("currency")
    if not isinstance(currency, str) or not isinstance(amount, int | float) or isinstance(amount, bool):
        return None
    return float(amount), currency


def money_in_all(runs: Sequence[Mapping[str, Any]]) -> str:
    """`1.50 EUR`, `1.50 EUR and 2.00 USD, 3 runs without a price`, or that no price is known.

    Args:
        runs: their facts, which are the keys of `summary.json`.
    """
    sums: dict[str, float] = {}
    unpriced = 0
    for facts in runs:
        found = money_of(facts)
        if found is None:
            unpriced += 1
        else:
            sums[found[1]] = sums.get(found[1], 0.0) + found[0]
    if not sums:
        return NO_PRICE
    told = " and ".join(money_text(amount, currency) for currency, amount in sums.items())
    return told + (f", {unpriced} {'run' if unpriced == 1 else 'runs'} without a price" if unpriced else "")
