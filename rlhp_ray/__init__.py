"""rlhp_ray: deep reinforcement learning from human preferences, on Ray."""

__version__ = "0.1.0"
