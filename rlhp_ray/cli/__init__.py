"""The command line, `rlhp`: nothing heavy is imported before the input has been checked."""
