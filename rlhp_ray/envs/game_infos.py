"""What a game whose ends are hidden tells beside its rewards, by key of a vector environment's infos."""

RAW_SCORE_KEY = "raw_score"
"""`[num_envs]`: points won in this step, in the game's own units, where the reward is clipped or charged a penalty."""
GAME_OVER_KEY = "game_over"
"""`[num_envs]` bool: whether a game ended in this step, hidden or not."""
