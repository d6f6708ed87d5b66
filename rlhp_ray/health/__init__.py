"""Whether a run is healthy or sick, from its metrics alone: it reads rows, and nothing else of the run."""
