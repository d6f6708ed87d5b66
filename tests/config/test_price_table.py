"""`prices.yaml`, as strict as a configuration."""

import pytest

from rlhp_ray.config.price_table import PriceTable, read_prices
from rlhp_ray.errors import ConfigError


@pytest.fixture
def read(tmp_path):
    def reading(text: str) -> PriceTable | None:
        (tmp_path / "prices.yaml").write_text(text)
        return read_prices(tmp_path)

    return reading


def test_no_file_is_no_price(tmp_path):
    assert read_prices(tmp_path) is None
    assert read_prices(tmp_path / "nowhere") is None


def test_what_is_written_is_read_back(read):
    prices = read("currency: EUR\ncpu_hour: 4e-2\ngpu_hour: 1\n")
    assert prices == PriceTable(currency="EUR", cpu_hour=0.04, gpu_hour=1.0)
    assert read(prices.to_yaml()) == prices
    without_gpu = read("currency: EUR\ncpu_hour: 0.04\n")
    assert without_gpu.gpu_hour is None and read(without_gpu.to_yaml()) == without_gpu


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("currency: EUR\ncpu_hour: '0.04'\n", "cpu_hour: got the text '0.04', expected a number >= 0; correct it"),
        ("currency: EUR\ncpu_hour: -1\n", r"cpu_hour: got -1 \(an integer\), expected a number >= 0"),
        ("currency: EUR\ncpu_hour: .inf\n", "cpu_hour: got .inf"),
        ("currency: EUR\ncpu_hour: true\n", r"cpu_hour: got true \(a boolean\)"),
        ("currency: ''\ncpu_hour: 1\n", "currency: got the text '', expected a name of 1 to 16 characters"),
        ("currency: EUR\n", "cpu_hour is missing; expected a number >= 0; add it"),
        ("currency: EUR\ncpu_hours: 1\ncpu_hour: 1\n", "unknown key cpu_hours; expected .*; did you mean cpu_hour"),
        ("currency: EUR\n1: 2\ncpu_hour: 1\n", "unknown key 1; expected currency, cpu_hour or gpu_hour; leave it out"),
        ("cpu_hour: 1\ncpu_hour: 2\n", "not valid YAML: the key 'cpu_hour' stands here a second time"),
        ("", r"got nothing \(null\), expected the keys currency, cpu_hour or gpu_hour, one a line"),
        ("- 1\n", r"got \[1\] \(a list\), expected the keys"),
    ],
)
def test_what_is_wrong_is_told(read, text, told):
    with pytest.raises(ConfigError, match=told):
        read(text)


def test_every_error_has_its_line(read):
    with pytest.raises(
        ConfigError, match=r"prices .*prices.yaml: 2 errors\n  currency is missing.*\n  cpu_hour is miss"
    ):
        read("gpu_hour: 1\n")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "prices.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="bytes that are not UTF-8"):
        read_prices(tmp_path)
    (tmp_path / "prices.yaml").unlink()
    (tmp_path / "prices.yaml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        read_prices(tmp_path)
