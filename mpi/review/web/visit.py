"""One visit to a page, as plain values: what a view may ask, and what it must say it showed.

A view never sees the HTTP request, so a test calls it with a visit made by hand, and the page and
its JSON are two prints of what it returns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from starlette.datastructures import FormData, QueryParams

from mpi.review.masking import EVERY_FIELD, Revealed, mask_text, plain_case, plain_record
from mpi.review.permissions import Permission, Role, check_permission, is_allowed
from mpi.review.types import Case, RecordView, TaskRow
from mpi.review.web.presence import Presence
from person.errors import ConfigError

if TYPE_CHECKING:
    from mpi.review.queue import ReviewQueue
    from mpi.review.web.sessions import Session
    from mpi.review.web.site import Site

__all__ = ["Seen", "Visit", "Who"]

_TEXT_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Who:
    """Who is signed in: account name and role."""

    name: str
    role: Role


@dataclass(slots=True)
class Seen:
    """Persons that a page showed, for the audit log."""

    identities: list[str] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Visit:
    """What a view or an action works with.

    Attributes
    ----------
    site : the server's settings, accounts, audit log
    queue : the lane's review queue
    who : signed in
    language : zh or en
    path : values in the path
    query : after the question mark
    form : of a POST
    revealed : (source, record id, field) that this session may see unmasked
    presence : who looks at which task
    seen : what the page showed
    session : of the browser
    address : network address of the browser
    """

    site: Site
    queue: ReviewQueue
    who: Who
    language: str = "en"
    path: Mapping[str, Any] = field(default_factory=dict)
    query: QueryParams = field(default_factory=QueryParams)
    form: FormData = field(default_factory=FormData)
    revealed: frozenset[Revealed] = frozenset()
    presence: Presence = field(default_factory=Presence)
    seen: Seen = field(default_factory=Seen)
    session: Session | None = None
    address: str = "local"

    # ------------------------------------------------------------------ who and what

    def may(self, permission: Permission | str) -> bool:
        """Whether who is signed in may do something."""
        return is_allowed(self.who.role, Permission(permission))

    def must(self, permission: Permission | str) -> None:
        """AccessError unless who is signed in may do something."""
        check_permission(self.who.role, Permission(permission))

    def text(self, name: str, *, longest: int = _TEXT_MAX) -> str:
        """One text of the form, without blanks around it; '' where it is not there.

        Raises
        ------
        ConfigError : it is too long, or a file
        """
        value = self.form.get(name, "")
        if not isinstance(value, str) or len(value) > longest:
            raise ConfigError(f"'{name}' is no text of at most {longest} characters")
        return value.replace("\r\n", "\n").strip()

    def number(self, name: str, *, otherwise: int | None = None) -> int:
        """One whole number of the form.

        Raises
        ------
        ConfigError : it is none
        """
        value = self.text(name, longest=20)
        if not value and otherwise is not None:
            return otherwise
        if not value.isascii() or not value.isdigit():
            raise ConfigError(f"'{name}' is no whole number")
        return int(value)

    def texts(self, name: str) -> list[str]:
        """All texts of that name in the form."""
        return [each for each in self.form.getlist(name) if isinstance(each, str)]

    def keep(self, text: str) -> str:
        """Keep a text that must not stand in a URL; the short key stands there instead."""
        return "" if self.session is None or not text else self.session.keep(text)

    def kept(self, key: str | None) -> str | None:
        """The text behind a short key; None once it is forgotten."""
        return None if self.session is None or not key else self.session.kept.get(key)

    # ------------------------------------------------------------------ what is shown

    def show_row(self, row: TaskRow) -> dict[str, Any]:
        """A row of the queue as JSON holds it, with who else looks at it now."""
        return self.show_rows([row])[0]

    def show_rows(self, rows: Sequence[TaskRow]) -> list[dict[str, Any]]:
        """Rows of the queue as JSON holds them."""
        viewers = self.presence.viewers([row.number for row in rows], self.who.name)
        result = []
        for row in rows:
            self.saw(*row.enterprise_ids)
            plain = row.to_dict()
            plain["title_names"] = [mask_text(name) for name in row.title_names]
            plain["viewers"] = list(viewers.get(row.number, ()))
            result.append(plain)
        return result

    def show_case(self, case: Case) -> dict[str, Any]:
        """A case as JSON holds it, masked; it counts as seen, and this steward as present."""
        number = case.task.number
        if number:
            self.seen.facts["task"] = number
            self.presence.note(number, self.who.name)
        self.saw(*(each.enterprise_id for each in case.look_alikes))
        self.seen.records += [f"{each.source}/{each.record_id}" for each in case.look_alikes]
        for record in case.records:
            self._saw_record(record)
        return plain_case(case, self.revealed) | {"task": self.show_row(case.task)}

    def show_record(self, record: RecordView) -> dict[str, Any]:
        """One record as JSON holds it, masked; it counts as seen."""
        self._saw_record(record)
        return plain_record(record, self.revealed)

    def _saw_record(self, record: RecordView) -> None:
        self.saw(record.enterprise_id)
        reference = f"{record.source}/{record.record_id}"
        self.seen.records.append(reference)
        fields = sorted(
            name
            for source, record_id, name in self.revealed
            if (source, record_id) == (record.source, record.record_id)
        )
        if fields:
            names = ["every" if name == EVERY_FIELD else name for name in fields]
            self.seen.facts.setdefault("unmasked", {})[reference] = names

    def saw(self, *enterprise_ids: str) -> None:
        """The page shows persons in some other way: say whom."""
        self.seen.identities += [each for each in enterprise_ids if each]

    def note(self, **facts: Any) -> None:
        """Ids and counts for this visit's line of the audit log; never a value."""
        self.seen.facts |= facts
