"""Waits for facts."""

import time
from collections.abc import Callable


def wait_until(what: str, holds: Callable[[], object], seconds: float = 60) -> None:
    """Waits until something holds.

    Errors: ``AssertionError`` that says what was waited for, if it takes too long.
    """
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} seconds until {what}")
        time.sleep(0.01)
