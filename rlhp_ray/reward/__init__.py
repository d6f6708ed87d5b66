"""The reward model: an ensemble of networks, fitted to preferences, whose output replaces the game's reward."""
