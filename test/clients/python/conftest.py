"""What every test has: the Spendcap, a user of its own, and books that balance when it is over."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator
from types import FrameType

import pytest

from local_spendcap import Spendcap, wait_for

numbers = itertools.count(1)


@pytest.fixture(scope="session")
def spendcap() -> Iterator[Spendcap]:
    known = Spendcap()
    yield known
    known.close()


@pytest.fixture(autouse=True)
def balanced(spendcap: Spendcap) -> Iterator[None]:
    """No call is left open by a test, and no picodollar unaccounted for."""
    spendcap.forget_upstream()
    yield
    wait_for("every hold to end", lambda: True if spendcap.audit()["open_holds"] == 0 else None)
    audit = spendcap.audit()
    assert audit["balanced"], audit


TEST_SECONDS_MAX = 45


@pytest.fixture(autouse=True)
def deadline() -> Iterator[None]:
    """An SDK that is told to come back after the month's end, and not told otherwise, waits that long."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"the test took more than {TEST_SECONDS_MAX} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(TEST_SECONDS_MAX)
    yield
    signal.alarm(0)


@pytest.fixture
def user() -> str:
    """Nobody else's; without a cap of their own, the policy's five dollars a month hold."""
    return f"user-{next(numbers)}"


@pytest.fixture(params=["blocking", "async"])
def flavour(request: pytest.FixtureRequest) -> str:
    """Every test that asks for it runs on both clients of the SDK."""
    return str(request.param)
