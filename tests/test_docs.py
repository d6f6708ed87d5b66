"""The pages that are made from the code are current, and files that are linked to exist (pictures aside)."""

import re
from pathlib import Path

import pytest

from rlhp_ray.config import field_guide
from rlhp_ray.config.reference_page import configuration_page
from rlhp_ray.metric_keys import ALL_METRICS, metrics_page

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("cluster/*.md")]


def test_the_configuration_page_is_current() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text() == configuration_page(), "run `make docs`"


def test_the_metrics_page_is_current() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text() == metrics_page() + "\n", "run `make docs`"


def test_the_configuration_page_has_one_row_for_every_key() -> None:
    rows = re.findall(r"^\| `([^`]+)` \|(.*)\|$", configuration_page(), re.MULTILINE)
    assert [key for key, _ in rows] == list(field_guide.key_schemas())
    for key, cells in rows:
        expected, default, meaning = (cell.strip() for cell in re.split(r"(?<!\\)\|", cells))
        assert expected and default and meaning.endswith("."), key


def test_the_metrics_page_has_one_row_for_every_metric() -> None:
    keys = re.findall(r"^\| `([^`]+)` \|", metrics_page(), re.MULTILINE)
    assert keys == [metric.key for metric in ALL_METRICS]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_linked_files_exist(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    targets = [target.partition("#")[0] for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", text)]
    local = [target for target in targets if target and "://" not in target]
    missing = [target for target in local if not (document.parent / target).exists()]
    assert not missing
