"""How evenly an agent drives with Enduro's other cars, by the script that taught it: of a run, beside random actions.

The environment gives no memory of the console, so every game is played again from its actions to read it there.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from rlhp_ray.envs.atari_replay import AtariReplay
from rlhp_ray.envs.registry import make_vector_env
from rlhp_ray.policy.inference import load_policy
from rlhp_ray.preferences.enduro_pace import CARS_AHEAD, SPEED, pace

SEED = 2_000_003
FRAME_SKIP = 4


def play(env_id: str, hides_score: bool, act: Callable[[np.ndarray], np.ndarray], games: int) -> list[np.ndarray]:
    """The console's memory after every step of each game, `[steps, 128]`."""
    env = make_vector_env(env_id, games, frame_skip=FRAME_SKIP, hides_score=hides_score)
    observations, infos = env.reset(seed=SEED)
    begun, taken, ended = infos["episode_frame_number"], [], np.full(games, -1)
    while (ended < 0).any():
        taken.append(act(observations))
        observations, _, terminated, truncated, _ = env.step(taken[-1])
        ended[(ended < 0) & (terminated | truncated)] = len(taken)
    env.close()
    return [_memory(int(begun[game]), np.array(taken)[: ended[game], game]) for game in range(games)]


def _memory(frames_played: int, actions: np.ndarray) -> np.ndarray:
    console, rows = AtariReplay("enduro", FRAME_SKIP), []
    console.start(frames_played)
    for action in actions:
        console.step(int(action))
        rows.append(console.memory())
    return np.array(rows)


def described(name: str, games: list[np.ndarray]) -> str:
    """A row of the table."""
    paid = np.array([pace(np.zeros(len(ram)), np.zeros(len(ram)), ram).mean() for ram in games])
    speed, spread = (np.mean([f(ram[:, SPEED].astype(float)) for ram in games]) for f in (np.mean, np.std))
    in_sight = np.mean([(ram[:, CARS_AHEAD] != 0).any(axis=1).mean() for ram in games])
    paid_text, speed_text = f"{paid.mean():.2f} ({paid.std():.2f})", f"{speed:.0f} ({spread:.0f})"
    return f"| {name} | {paid_text} | {speed_text} | {in_sight:.0%} | {len(games)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--games", type=int, default=10)
    arguments = parser.parse_args()
    drawing, greedy = (load_policy(arguments.run, samples_actions) for samples_actions in (True, False))
    rng = np.random.default_rng(SEED)
    num_actions = AtariReplay("enduro", FRAME_SKIP).num_actions
    print("| who drives | reward a step, mean (sd over games) | speed (sd in a game) | car in sight | games |")
    print("| --- | --- | --- | --- | --- |")
    env_id, hides_score = greedy.env.env_id, greedy.env.hides_score
    for name, act in (
        ("the trained agent, its actions drawn", drawing.act),
        ("the same, greedy", greedy.act),
        ("random actions", lambda seen: rng.integers(num_actions, size=len(seen))),
    ):
        print(described(name, play(env_id, hides_score, act, arguments.games)), flush=True)


if __name__ == "__main__":
    main()
