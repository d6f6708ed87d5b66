"""Preferences: what is asked when, who answers, and where the answers are kept."""
