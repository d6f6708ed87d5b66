"""The policy: RLlib's algorithms, driven by the predicted reward."""
