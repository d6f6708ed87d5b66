"""Many runs as one experiment: seeds, settings, and what they come to."""
