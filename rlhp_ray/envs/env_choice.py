"""Which environment a policy plays, and how."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EnvChoice:
    """What must be the same in training, evaluation and replay.

    Args:
        env_id: of Gymnasium.
        frame_skip: raw steps in an agent step; None for the environment's own.
        hides_score: blank the score of an Atari game whose mask is known; means nothing elsewhere.
    """

    env_id: str
    frame_skip: int | None = None
    hides_score: bool = True
