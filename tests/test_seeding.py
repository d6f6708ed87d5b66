"""Streams of randomness: the same in every process and version, and apart from each other."""

import math
import subprocess
import sys

import numpy as np
import pytest

from rlhp_ray.seeding import derive_rng, derive_seed


@pytest.mark.parametrize(
    ("parts", "seed"), [((0,), 436422930), ((3, "teacher", 17), 1885242589), ((-5, "pairs", 0), 664839190)]
)
def test_seeds_are_frozen(parts, seed):
    """A change here makes every recorded run impossible to repeat."""
    assert derive_seed(*parts) == seed


def test_seeds_do_not_depend_on_the_process():
    code = "from rlhp_ray.seeding import derive_seed; print(derive_seed(1, 'fit', 2))"
    for hash_seed in ("1", "2"):
        environment = {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(sys.path)}
        output = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True).stdout
        assert int(output) == derive_seed(1, "fit", 2)


def test_every_part_of_the_name_and_its_order_matter():
    names = [(0, "a", 1), (1, "a", 1), (0, "b", 1), (0, "a", 2), (0, 1, "a"), (0, "a"), (0, "a1"), (0, "a", 11)]
    assert len({derive_seed(*name) for name in names}) == len(names)


def test_seeds_have_31_bits():
    seeds = np.array([derive_seed(0, "x", index) for index in range(2000)])
    assert seeds.min() >= 0 and seeds.max() < 2**31
    bits = (seeds[:, None] >> np.arange(31)) & 1
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 5 * 0.5 / math.sqrt(2000)  # each of them is used


def test_streams_repeat_and_do_not_disturb_each_other():
    first = derive_rng(0, "teacher", 1).random(4)
    derive_rng(0, "pairs").random(100)
    np.testing.assert_array_equal(derive_rng(0, "teacher", 1).random(4), first)
    assert abs(np.corrcoef(derive_rng(0, "a").random(4000), derive_rng(0, "b").random(4000))[0, 1]) < 4 / math.sqrt(
        4000
    )
