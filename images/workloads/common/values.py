"""Types of arguments: what is out of range is refused by name."""

import argparse
import math


def positive(text: str) -> float:
    """A finite number more than 0."""
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a finite number more than 0")
    return value


def seconds(text: str) -> float:
    """A finite number of seconds, 0 or more."""
    value = float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a finite number of seconds, 0 or more")
    return value


def count(text: str) -> int:
    """A whole number from 1 to a million."""
    value = int(text)
    if not 1 <= value <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 to 1000000")
    return value


def open_share(text: str) -> float:
    """A share that leaves something on both sides."""
    value = float(text)
    if not 0.01 <= value <= 0.99:
        raise argparse.ArgumentTypeError(f"{text} is not from 0.01 to 0.99")
    return value


def seed(text: str) -> int:
    """A seed of numpy's and scikit-learn's generators."""
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to {2**32 - 1}")
    return value
