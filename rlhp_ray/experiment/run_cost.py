"""What a run costs: time of processors, memory, disk, and money at the prices that the user has set."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rlhp_ray import metric_keys as keys
from rlhp_ray.config.price_table import PriceTable


@dataclass(frozen=True)
class Cost:
    """What a run used.

    Args:
        cpu_hours: that its processes computed.
        gpu_hours: GPUs that it reserved, times its hours on the wall.
        peak_memory_mb: resident memory of its processes by metric, each at its highest iteration.
        bytes_on_disk: of its directory.
        bytes_written: sent to disks by its processes, the driver aside; None where the system does not tell.
        prices: in force; None where there are none.
    """

    cpu_hours: float
    gpu_hours: float
    peak_memory_mb: Mapping[str, float]
    bytes_on_disk: int
    bytes_written: int | None
    prices: PriceTable | None

    @property
    def money(self) -> float | None:
        """In the currency of the prices; None where a price is not known."""
        return None if self.prices is None else self.prices.money(self.cpu_hours, self.gpu_hours)

    def to_summary(self) -> dict[str, Any]:
        """As keys of `summary.json`."""
        return {
            "cpu_hours": self.cpu_hours,
            "gpu_hours": self.gpu_hours,
            "peak_memory_mb": self.peak_memory_mb.get(keys.MEMORY),
            "peak_memory_trial_mb": self.peak_memory_mb.get(keys.MEMORY_TRIAL),
            "peak_memory_env_runners_mb": self.peak_memory_mb.get(keys.MEMORY_RUNNERS),
            "peak_memory_buffer_mb": self.peak_memory_mb.get(keys.MEMORY_BUFFER),
            "peak_memory_learner_mb": self.peak_memory_mb.get(keys.MEMORY_LEARNER),
            "bytes_on_disk": self.bytes_on_disk,
            "bytes_written": self.bytes_written,
            "cost": self.money,
            "currency": None if self.prices is None else self.prices.currency,
        }


def money_text(amount: float, currency: str) -> str:
    """`1,234.50 EUR`, `0.0031 EUR`: two digits or more."""
    return f"{amount:,.2f} {currency}" if amount >= 1 or amount == 0 else f"{amount:.2g} {currency}"
