"""Draws docs/images/score_masks.png: what policy and predictor see of the paper's games, without and with the mask.

Run from the repository's root: .venv/bin/python docs/make_score_mask_picture.py
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from rlhp_ray.envs.registry import make_vector_env

PICTURE = Path(__file__).parent / "images" / "score_masks.png"
GAMES = ("BeamRider", "Breakout", "Enduro", "Pong", "Qbert", "Seaquest", "SpaceInvaders")
STEPS = 150  # far enough for points in most games


def newest_frame(game: str, hides_score: bool) -> np.ndarray:
    """The same frame of the same game, `[84, 84]`."""
    env = make_vector_env(f"ALE/{game}-v5", 1, hides_score=hides_score)
    observations, _ = env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(STEPS):
        observations = env.step(env.action_space.sample())[0]
    env.close()
    return observations[0, ..., -1]


def main() -> None:
    figure, axes = plt.subplots(2, len(GAMES), figsize=(14, 4.4), layout="constrained")
    for column, game in zip(axes.T, GAMES, strict=True):
        for axis, hides_score in zip(column, (False, True), strict=True):
            axis.imshow(newest_frame(game, hides_score), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axis.set(xticks=[], yticks=[])
        column[0].set_title(game)
    for axis, label in zip(axes[:, 0], ("env.score_mask=off", "env.score_mask=auto"), strict=True):
        axis.set_ylabel(label)
    figure.savefig(PICTURE, dpi=80)


if __name__ == "__main__":
    main()
