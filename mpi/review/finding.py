"""Finding people and their tasks by anything that is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from mpi.identity_reading import Reader
from mpi.identity_search import find_by_number, search_people
from mpi.review.types import LookAlike
from mpi.review.values import printed_facts
from person.errors import MpiError

__all__ = ["find_people", "tasks_named"]

_SOURCES_TRIED_MAX: Final = 500
_DIGITS_MIN: Final = 6


def tasks_named(reader: Reader, text: str) -> frozenset[int]:
    """Live tasks that a text names by a number, an id or a record; names are found otherwise.

    Parameters
    ----------
    reader : of the index
    text : as a steward types it
    """
    text = text.strip()
    found: set[int] = set()
    if text.isdigit() and len(text) < 16 and reader.state.task(int(text)) is not None:
        found.add(int(text))
    for identity, _ in _named(reader, text):
        found |= set(reader.state.open_tasks_of(identity))
    return frozenset(found)


def _named(reader: Reader, text: str) -> list[tuple[int, str]]:
    """(identity, why) that an exact text names: by enterprise id, record id, number or phone."""
    found: list[tuple[int, str]] = []
    with suppress(MpiError):
        found.append((reader.live_number_of(text), "enterprise_id"))
    for identity in _by_record_id(reader, text):
        found.append((identity, "record_id"))
    if sum(each.isdigit() for each in text) >= _DIGITS_MIN:
        with suppress(MpiError):
            found += [(each, "id_number") for each in find_by_number(reader, text, None)]
    return list(dict.fromkeys(found))


def _by_record_id(reader: Reader, text: str) -> list[int]:
    """Identities of records of that id, in whatever source; a source may stand before a slash."""
    source, _, rest = text.rpartition("/")
    found = []
    for number, name in list(reader.source_names().items())[:_SOURCES_TRIED_MAX]:
        for wanted in {text, rest} if name == source else {text}:
            record = reader.snapshot.find_reference(number, wanted.encode()) if wanted else -1
            if record >= 0 and (owner := reader.state.identity_of(record)) is not None:
                found.append(owner)
    return found


def find_people(
    reader: Reader, text: str | None, fields: Mapping[str, Any], limit: int
) -> tuple[LookAlike, ...]:
    """Identities that a text or a description fits.

    Parameters
    ----------
    reader : of the index
    text, fields, limit : see `ReviewQueue.search`
    """
    found: list[LookAlike] = []
    described = {name: value for name, value in fields.items() if value not in (None, "")}
    if text and (text := text.strip()):
        for identity, why in _named(reader, text)[:limit]:
            record = reader.state.members(identity)[0]
            found.append(_found(reader, record, identity, 0.0, (why,)))
        if not found and not described:
            digits = sum(each.isdigit() for each in text)
            described = {_column(reader, "phone" if digits >= _DIGITS_MIN else "full_name"): text}
    if described:
        found += _scored(reader, described, limit)
        if not found and len(described) == 1:
            found += _by_tasks(reader, str(next(iter(described.values()))), limit)
    unique = {each.enterprise_id: each for each in reversed(found)}
    return tuple(list(unique.values())[::-1][:limit])


def _column(reader: Reader, role: str) -> str:
    for each in reader.engine.schema.fields:
        if each.role == role:
            return each.columns[0]
    return reader.engine.schema.fields[0].columns[0]


def _scored(reader: Reader, described: Mapping[str, Any], limit: int) -> list[LookAlike]:
    found = []
    for each in search_people(reader, described, limit):
        identity = reader.number_of(each.enterprise_id)
        code = next(n for n, name in reader.source_names().items() if name == each.source)
        record = reader.snapshot.find_reference(code, each.record_id.encode())
        found.append(_found(reader, record, identity, each.match_weight, ("similar",)))
    return found


def _by_tasks(reader: Reader, text: str, limit: int) -> list[LookAlike]:
    """A name alone has no postings: look among the records that are asked about."""
    wanted, found = text.casefold(), []
    for _, task in reader.state.tasks():
        if any(wanted in name.casefold() for name in task["names"]):
            for record in dict.fromkeys(r for pair in task["pairs"] for r in pair[:2]):
                identity = reader.state.identity_of(record)
                facts = printed_facts(reader, [record])[0]
                if identity is not None and wanted in facts["name"].casefold():
                    found.append(_found(reader, record, identity, 0.0, ("asked_about",)))
        if len(found) >= limit:
            break
    return found


def _found(
    reader: Reader, record: int, identity: int, weight: float, why: Sequence[str]
) -> LookAlike:
    (source, record_id), facts = reader.references([record])[0], printed_facts(reader, [record])[0]
    return LookAlike(
        enterprise_id=reader.print_id(identity),
        source=source,
        record_id=record_id,
        name=facts["name"],
        birth_date=facts["birth_date"],
        match_weight=weight,
        match_probability=reader.engine.probability(weight) if weight else 0.0,
        why=tuple(why),
    )
