"""What a node answers when it is asked whether it sees the directory of a sweep."""

from pathlib import Path

import pytest

from rlhp_ray.cluster.shared_storage import answer_probe


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    (tmp_path / "probe").write_text("word")
    return tmp_path


def test_a_node_that_sees_it_answers_beside_it(probe: Path) -> None:
    assert answer_probe(str(probe), "probe", "word", "node1") is None
    assert (probe / "probe.node1").read_text() == "word"


def test_a_node_with_a_directory_of_its_own_is_told(probe: Path, tmp_path: Path) -> None:
    assert answer_probe(str(tmp_path / "elsewhere"), "probe", "word", "n") == "does not see what the driver wrote there"
    assert answer_probe(str(probe), "probe", "another", "n") == "holds another file of that name"


def test_a_node_that_may_only_read_is_told(probe: Path) -> None:
    (probe / "probe.node1").mkdir()  # in the place of a mount that is read-only, which stops root, too
    assert answer_probe(str(probe), "probe", "word", "node1") == "Is a directory"
