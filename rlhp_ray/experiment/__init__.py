"""One run: its archive, its launch through Tune, its progress, its summary."""
