"""Clips: short recordings of behaviour, how they are recorded, kept and paired."""
