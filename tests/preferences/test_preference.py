"""What an answer means as a label."""

import pytest

from rlhp_ray.preferences.preference import Answer


@pytest.mark.parametrize(("answer", "mu_left"), [("left", 1.0), ("right", 0.0), ("equal", 0.5), ("skip", None)])
def test_label_targets(answer, mu_left):
    assert Answer(answer).mu_left == mu_left
