"""Every random stream of a run is derived from its one seed and a name, so that streams do not disturb each other."""

import hashlib

import numpy as np


def derive_seed(seed: int, *stream: str | int) -> int:
    """A 31-bit seed for the named stream of a run."""
    text = "/".join(str(part) for part in (seed, *stream))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big") >> 1


def derive_rng(seed: int, *stream: str | int) -> np.random.Generator:
    """A NumPy generator for the named stream of a run."""
    return np.random.default_rng(derive_seed(seed, *stream))
