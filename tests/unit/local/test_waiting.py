"""A wait ends with what it waited for, or in time."""

from __future__ import annotations

import time

from local.waiting import wait_until


def test_a_wait_gives_the_first_true_value_and_asks_no_more() -> None:
    answers = iter([None, 0, "", "ready", "more"])
    assert wait_until(lambda: next(answers), 10, interval=0) == "ready"
    assert next(answers) == "more"


def test_a_wait_that_is_in_vain_ends_in_time() -> None:
    started = time.monotonic()
    assert wait_until(lambda: False, 0.2, interval=0.01) is None
    assert 0.2 <= time.monotonic() - started < 5


def test_a_condition_is_asked_even_without_time() -> None:
    assert wait_until(lambda: 1, 0) == 1
