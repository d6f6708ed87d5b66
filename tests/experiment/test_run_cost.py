"""What a run used, and what that comes to."""

from rlhp_ray.config.price_table import PriceTable
from rlhp_ray.experiment.run_cost import Cost, money_text


def cost(prices: PriceTable | None, gpu_hours: float = 0.0) -> Cost:
    return Cost(2.0, gpu_hours, {"memory_mb": 900.0, "memory_trial_mb": 500.0}, 10**6, None, prices)


def test_money_needs_a_price() -> None:
    summary = cost(None).to_summary()
    assert (summary["cost"], summary["currency"]) == (None, None)
    assert (summary["peak_memory_mb"], summary["peak_memory_trial_mb"]) == (900.0, 500.0)
    assert summary["peak_memory_learner_mb"] is None, "a run on the true reward has none"


def test_money_is_hours_times_prices() -> None:
    prices = PriceTable(currency="EUR", cpu_hour=0.5, gpu_hour=2.0)
    assert cost(prices, gpu_hours=3.0).money == 2.0 * 0.5 + 3.0 * 2.0
    assert cost(prices).to_summary()["currency"] == "EUR"


def test_a_gpu_without_a_price_is_not_for_nothing() -> None:
    prices = PriceTable(currency="EUR", cpu_hour=0.5)
    assert cost(prices).money == 1.0
    assert cost(prices, gpu_hours=3.0).money is None


def test_small_amounts_keep_their_digits() -> None:
    texts = [money_text(amount, "EUR") for amount in (1234.5, 0.00312, 0.0)]
    assert texts == ["1,234.50 EUR", "0.0031 EUR", "0.00 EUR"]
