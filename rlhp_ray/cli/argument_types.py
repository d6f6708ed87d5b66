"""Numbers of the command line."""

import argparse
import math


def positive_int(text: str) -> int:
    """An integer >= 1."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected an integer >= 1")
    return number


def positive_float(text: str) -> float:
    """A number > 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a number > 0")
    return number
