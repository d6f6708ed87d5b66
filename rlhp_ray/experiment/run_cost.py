"""What a run costs: processor time, and money at a given price."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """What a run used: seconds on the wall, hours of processors, and `money` in the currency of the given price."""

    wall_seconds: float
    cpu_hours: float
    gpu_hours: float = 0.0
    price_per_cpu_hour: float = 0.0

    @property
    def money(self) -> float:
        return self.cpu_hours * self.price_per_cpu_hour
