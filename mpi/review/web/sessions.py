"""Who is signed in: sessions in memory, known to the browser by a random token.

Only the token's digest is kept. A session ends after a while without use, after a day's work, at
sign-out, and when the account's role, password or state changes. A restart of the server ends all.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from mpi.review.accounts import Account, Accounts
from mpi.review.masking import Revealed

__all__ = ["Session", "Sessions"]

IDLE_SECONDS: Final = 1800.0
ABSOLUTE_SECONDS: Final = 12 * 3600.0
REVEALED_SECONDS: Final = 600.0
_SESSIONS_MAX: Final = 5_000
_PER_ACCOUNT_MAX: Final = 10
_KEPT_MAX: Final = 50
_REVEALED_MAX: Final = 500


@dataclass(slots=True)
class Session:
    """One browser that is signed in.

    Attributes
    ----------
    account : as it was at sign-in or at the last request
    started, used : seconds of the clock
    csrf : secret that every form carries
    said : notices for the next page
    kept : short key -> text that must not stand in a URL
    revealed : what its steward asked to see -> until when
    sheet : answers that were sent in and wait to be confirmed, or what became of them
    """

    account: Account
    started: float
    used: float
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    said: list[dict[str, Any]] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    revealed: dict[Revealed, float] = field(default_factory=dict)
    sheet: Any = None

    def has_csrf(self, token: str) -> bool:
        """Whether a form came from one of this session's pages."""
        return hmac.compare_digest(self.csrf.encode(), token.encode())

    def keep(self, text: str) -> str:
        """Keep a text for the pages that follow; returns its short key."""
        for key, known in self.kept.items():
            if known == text:
                return key
        if len(self.kept) >= _KEPT_MAX:
            del self.kept[next(iter(self.kept))]
        key = secrets.token_urlsafe(6)
        self.kept[key] = text
        return key


class Sessions:
    """All sessions of a server.

    Parameters
    ----------
    accounts : to see whether a session's account is still what it was
    idle_seconds : without a request
    absolute_seconds : since sign-in
    clock : seconds
    """

    def __init__(
        self,
        accounts: Accounts,
        *,
        idle_seconds: float = IDLE_SECONDS,
        absolute_seconds: float = ABSOLUTE_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._accounts = accounts
        self._idle, self._absolute = idle_seconds, absolute_seconds
        self._clock = clock
        self._guard = threading.Lock()
        self._sessions: dict[bytes, Session] = {}

    def begin(self, account: Account) -> tuple[str, Session]:
        """Sign somebody in: a new token and its session.

        Parameters
        ----------
        account : whose password was right
        """
        token, now = secrets.token_urlsafe(32), self._clock()
        session = Session(account=account, started=now, used=now)
        with self._guard:
            self._forget(now)
            own = [key for key, each in self._sessions.items() if each.account.name == account.name]
            for key in own[: max(0, len(own) - _PER_ACCOUNT_MAX + 1)]:
                del self._sessions[key]
            while len(self._sessions) >= _SESSIONS_MAX:
                del self._sessions[next(iter(self._sessions))]
            self._sessions[_digest(token)] = session
        return token, session

    def find(self, token: str | None, *, is_use: bool = True) -> Session | None:
        """The session of a token, if it still holds.

        Parameters
        ----------
        token : from the browser's cookie
        is_use : it counts as use; a page that asks by itself is none
        """
        if not token:
            return None
        key, now = _digest(token), self._clock()
        with self._guard:
            session = self._sessions.get(key)
            if session is None:
                return None
            if self._is_over(session, now):
                del self._sessions[key]
                return None
        account = self._accounts.find(session.account.name)
        if account is None or account.is_disabled or account.stamp != session.account.stamp:
            with self._guard:
                self._sessions.pop(key, None)
            return None
        if is_use:
            session.used = now
        return session

    def end(self, token: str | None) -> None:
        """Sign out."""
        if token:
            with self._guard:
                self._sessions.pop(_digest(token), None)

    def reveal(self, session: Session, what: Revealed) -> None:
        """Show a masked value to this session for ten minutes.

        Parameters
        ----------
        session : whose steward asked
        what : source, record id and field
        """
        now = self._clock()
        with self._guard:
            session.revealed = {key: end for key, end in session.revealed.items() if end > now}
            if len(session.revealed) >= _REVEALED_MAX:
                del session.revealed[next(iter(session.revealed))]
            session.revealed[what] = now + REVEALED_SECONDS

    def revealed(self, session: Session) -> frozenset[Revealed]:
        """What this session may see unmasked now."""
        now = self._clock()
        with self._guard:
            return frozenset(key for key, end in session.revealed.items() if end > now)

    def count(self) -> int:
        """Sessions that hold."""
        with self._guard:
            self._forget(self._clock())
            return len(self._sessions)

    def _is_over(self, session: Session, now: float) -> bool:
        return now - session.used > self._idle or now - session.started > self._absolute

    def _forget(self, now: float) -> None:
        for key in [key for key, each in self._sessions.items() if self._is_over(each, now)]:
            del self._sessions[key]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
