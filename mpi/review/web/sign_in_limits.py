"""How often somebody may guess: failures are counted by account and by address.

Four failures of an account, or nineteen from an address, are free; each further one doubles the
time until the next try is listened to, up to a quarter of an hour. An hour without a failure
forgets them. Names that no account has are counted as any other, so that the answer tells nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

__all__ = ["SignInLimits"]

WINDOW_SECONDS: Final = 3600.0
WAIT_SECONDS_MAX: Final = 900.0
WAIT_SECONDS_MIN: Final = 15.0
FREE_FAILURES: Final = {"account": 5, "address": 20}
_ENTRIES_MAX: Final = 20_000


@dataclass(slots=True)
class _Count:
    failures: int = 0
    last: float = 0.0
    closed_until: float = 0.0


class SignInLimits:
    """Failures so far; forgotten with the process.

    Parameters
    ----------
    clock : seconds
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._counts: dict[tuple[str, str], _Count] = {}

    def wait_seconds(self, account: str, address: str) -> int:
        """Seconds until a try would be listened to; 0 for now.

        Parameters
        ----------
        account : name as typed
        address : network address it comes from
        """
        now = self._clock()
        with self._guard:
            closed = [
                self._counts[key].closed_until
                for key in self._keys(account, address)
                if key in self._counts
            ]
        return max([0, *(int(until - now) + 1 for until in closed if until > now)])

    def start(self, account: str, address: str) -> None:
        """Count a try as failed before it is checked, so that tries side by side count too.

        Parameters
        ----------
        account, address : see `wait_seconds`
        """
        now = self._clock()
        with self._guard:
            for key in self._keys(account, address):
                count = self._counts.setdefault(key, _Count())
                if now - count.last > WINDOW_SECONDS:
                    count.failures = 0
                count.failures, count.last = count.failures + 1, now
                beyond = count.failures - FREE_FAILURES[key[0]]
                if beyond >= 0:
                    wait = WAIT_SECONDS_MIN * 2.0 ** min(beyond, 16)
                    count.closed_until = now + min(WAIT_SECONDS_MAX, wait)
            self._forget(now)

    def succeed(self, account: str, address: str) -> None:
        """It was right after all: the account starts anew, the address gets this try back.

        Parameters
        ----------
        account, address : see `wait_seconds`
        """
        by_account, by_address = self._keys(account, address)
        with self._guard:
            self._counts.pop(by_account, None)
            count = self._counts.get(by_address)
            if count is not None:
                count.failures = max(0, count.failures - 1)
                if count.failures < FREE_FAILURES["address"]:
                    count.closed_until = 0.0

    @staticmethod
    def _keys(account: str, address: str) -> tuple[tuple[str, str], tuple[str, str]]:
        return ("account", account.strip().casefold()[:64]), ("address", address)

    def _forget(self, now: float) -> None:
        if len(self._counts) < _ENTRIES_MAX:
            return
        old = [
            key
            for key, count in self._counts.items()
            if now - count.last > WINDOW_SECONDS and count.closed_until <= now
        ]
        for key in old or list(self._counts)[: _ENTRIES_MAX // 10]:
            del self._counts[key]
