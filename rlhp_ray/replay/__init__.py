"""Watching a saved agent: episodes of it as a video, with predicted and true reward below the picture."""
