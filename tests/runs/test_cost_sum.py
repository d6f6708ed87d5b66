"""Money of several runs."""

from rlhp_ray.runs.cost_sum import money_in_all


def test_currencies_are_never_added_together():
    eur, usd = {"cost": 0.75, "currency": "EUR"}, {"cost": 2.0, "currency": "USD"}
    assert money_in_all([eur, usd, eur]) == "1.50 EUR and 2.00 USD"


def test_runs_without_a_price_are_counted():
    priced = {"cost": 1.5, "currency": "EUR"}
    assert money_in_all([priced, {"cost": None, "currency": None}]) == "1.50 EUR, 1 run without a price"
    assert money_in_all([priced, {}, {"cost": 0.0}]) == "1.50 EUR, 2 runs without a price"


def test_nothing_is_free_without_a_price():
    assert money_in_all([]) == money_in_all([{"cost": 0.0}]) == "no price is known"
    assert money_in_all([{"cost": 0.0, "currency": "EUR"}]) == "0.00 EUR"
