"""One page about many runs: did it learn, on how many seeds, at what price."""
