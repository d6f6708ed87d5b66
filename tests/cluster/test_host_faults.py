"""A sweep of two trials comes to the same end where a worker or the head is lost, and no label is lost or doubled."""

import sys

import pytest
from simulated_hosts import PROJECT, why_not

sys.path.append(str(PROJECT / "benchmarks"))

from host_faults import FAULTS, sweep_with

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def undisturbed_return() -> float:
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    return sweep_with(None, 0, None).true_return


@pytest.mark.parametrize("fault", FAULTS)
def test_a_lost_host_changes_nothing_but_the_time(undisturbed_return: float, fault: str) -> None:
    row = sweep_with(fault, 0, undisturbed_return)
    assert (row.status, row.labels_lost, row.labels_doubled) == ("done", 0, 0)
    assert row.true_return == undisturbed_return, "a trial in sync mode goes on from its checkpoint to the same bit"
    assert row.resumed_s is not None
