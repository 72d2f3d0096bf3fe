"""Finding people and their tasks by anything that is known of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from mpi.identity_queue import asked_records
from mpi.identity_reading import Reader
from mpi.identity_search import find_by_number, search_people
from mpi.review.scanning import QUICK_RECORDS_MAX, scan_records
from mpi.review.types import LookAlike
from mpi.review.values import printed_facts
from person.errors import MpiError

__all__ = ["find_people", "tasks_named"]

_SOURCES_TRIED_MAX: Final = 500
_DIGITS_MIN: Final = 6
_NAME_MAX: Final = 6
_DATE: Final = re.compile(r"(?:1[89]|20)\d\d(?:[-/.年]\d{1,2}[-/.月]\d{1,2}日?|\d{4})")


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
    reader: Reader,
    text: str | None,
    fields: Mapping[str, Any],
    limit: int,
    *,
    tasks_with: Callable[[str], Iterable[int]],
    everywhere: bool = False,
) -> tuple[LookAlike, ...]:
    """Identities that a text or a description fits.

    Parameters
    ----------
    reader : of the index
    text, fields, limit, everywhere : see `ReviewQueue.search`
    tasks_with : live tasks about records whose names hold a text
    """
    found: list[LookAlike] = []
    described = {name: value for name, value in fields.items() if value not in (None, "")}
    if text and (text := text.strip()):
        for identity, why in _named(reader, text)[:limit]:
            record = reader.state.members(identity)[0]
            found.append(_found(reader, record, identity, 0.0, (why,)))
    asked = [described] if described else [] if found or not text else _guesses(reader, text)
    for each in asked:
        found += _scored(reader, each, limit)
    for each in [] if found else asked:
        if len(each) == 1:
            found += _by_tasks(reader, str(next(iter(each.values()))), limit, tasks_with)
        if everywhere or reader.snapshot.record_count <= QUICK_RECORDS_MAX:
            found += _scanned(reader, each, limit)
    unique = {each.enterprise_id: each for each in reversed(found)}
    return tuple(list(unique.values())[::-1][:limit])


def _guesses(reader: Reader, text: str) -> list[dict[str, str]]:
    """What a text may say of a person, the likeliest first."""
    columns = {each.role: each.columns[0] for each in reader.engine.schema.fields if each.columns}
    digits = sum(each.isdigit() for each in text)
    is_han = any("\u4e00" <= each <= "\u9fff" for each in text)
    roles = []
    if _DATE.fullmatch(text):
        roles.append("birth_date")
    if digits >= _DIGITS_MIN and not is_han:
        roles.append("phone")
    if is_han and (digits or len(text) > _NAME_MAX):
        roles.append("address")
    if not roles or (is_han and not digits):
        roles.append("full_name")
    found = [{columns[role]: text} for role in roles if role in columns]
    return found or [{reader.engine.schema.fields[0].columns[0]: text}]


def _scored(reader: Reader, described: Mapping[str, Any], limit: int) -> list[LookAlike]:
    found = []
    for each in search_people(reader, described, limit):
        identity = reader.number_of(each.enterprise_id)
        code = next(n for n, name in reader.source_names().items() if name == each.source)
        record = reader.snapshot.find_reference(code, each.record_id.encode())
        found.append(_found(reader, record, identity, each.match_weight, ("similar",)))
    return found


def _by_tasks(
    reader: Reader, text: str, limit: int, tasks_with: Callable[[str], Iterable[int]]
) -> list[LookAlike]:
    """People whom tasks ask about, by a part of their names."""
    wanted, found = text.casefold(), []
    for number in tasks_with(text):
        task = reader.state.task(number)
        for record in [] if task is None else asked_records(task):
            identity = reader.state.identity_of(record)
            facts = printed_facts(reader, [record])[0]
            if identity is not None and wanted in facts["name"].casefold():
                found.append(_found(reader, record, identity, 0.0, ("asked_about",)))
        if len(found) >= limit:
            break
    return found


def _scanned(reader: Reader, described: Mapping[str, Any], limit: int) -> list[LookAlike]:
    """People any of whose records says what was typed."""
    found: dict[int, LookAlike] = {}
    for record, weight in scan_records(reader, described, limit):
        identity = reader.state.identity_of(record)
        if identity is not None and identity not in found and len(found) < limit:
            found[identity] = _found(reader, record, identity, weight, ("says_so",))
    return list(found.values())


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
