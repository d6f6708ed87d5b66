"""`prices.yaml` in the directory of runs: what the user pays for an hour of a CPU and of a GPU.

```yaml
currency: EUR
cpu_hour: 0.04
gpu_hour: 1.20   # may be left out where no GPU is used
```
"""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rlhp_ray.config.error_text import described, join_lines
from rlhp_ray.config.field_guide import closest, join_words
from rlhp_ray.config.yaml_text import format_yaml, read_yaml
from rlhp_ray.errors import ConfigError

PRICES_FILE = "prices.yaml"
_EXPECTED = {
    "currency": "a name of 1 to 16 characters, such as EUR",
    "cpu_hour": "a number >= 0",
    "gpu_hour": "a number >= 0",
}
_Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class PriceTable(BaseModel):
    """Prices in one currency.

    Args:
        currency: name that stands behind amounts.
        cpu_hour: of one CPU for an hour that a run's processes compute.
        gpu_hour: of one GPU for an hour that a run reserves it; None where it is not known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    currency: Annotated[str, Field(min_length=1, max_length=16, pattern=r"^\S+$")]
    cpu_hour: _Price
    gpu_hour: _Price | None = None

    def money(self, cpu_hours: float, gpu_hours: float) -> float | None:
        """What these hours cost; None where GPUs were used whose price is not known."""
        if gpu_hours and self.gpu_hour is None:
            return None
        return cpu_hours * self.cpu_hour + gpu_hours * (self.gpu_hour or 0.0)

    def to_yaml(self) -> str:
        """Text that `read_prices` reads back equal."""
        return format_yaml(self.model_dump(exclude_none=True))


def read_prices(directory: Path) -> PriceTable | None:
    """The price table of a directory, None where it has none.

    Raises:
        ConfigError: with one line for every key or value that is wrong.
    """
    path = directory / PRICES_FILE
    try:
        data: Any = read_yaml(path, "prices")
    except FileNotFoundError:
        return None
    if not isinstance(data, dict):
        raise ConfigError(
            f"prices {path}: got {described(data)}, expected the keys {join_words(list(_EXPECTED))}, one a line; "
            "remove the file to have no prices"
        )
    try:
        return PriceTable.model_validate(data)
    except ValidationError as error:
        lines = [_line(detail["type"], detail["loc"][0], detail["input"]) for detail in error.errors()]
        raise ConfigError(join_lines(f"prices {path}", lines)) from None


def _line(error_type: str, key: int | str, value: Any) -> str:
    if error_type in ("extra_forbidden", "invalid_key"):
        hint = closest(str(key), _EXPECTED) or "; leave it out"
        return f"unknown key {key}; expected {join_words(list(_EXPECTED))}{hint}"
    if error_type == "missing":
        return f"{key} is missing; expected {_EXPECTED[str(key)]}; add it"
    return f"{key}: got {described(value)}, expected {_EXPECTED[str(key)]}; correct it"
