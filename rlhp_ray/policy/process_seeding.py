"""Seeds the global random streams of a process, which RLlib draws from."""

import random

import numpy as np
import torch


def seed_process(seed: int) -> None:
    """Seed Python's, NumPy's and PyTorch's global generators."""
    random.seed(seed)
    np.random.seed(seed)  # RLlib shuffles minibatches with the global generator
    torch.manual_seed(seed)
