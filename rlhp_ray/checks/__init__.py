"""The pre-mortem: what is likely to make a run fail, said before hours are spent on it. Starts no Ray."""
