"""Looking people up by number and by description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mpi.identity_candidates import Candidates, find_candidates
from mpi.identity_decide import CandidateIdentity
from mpi.identity_engine import REFUSAL_WORDS, as_table
from mpi.identity_reading import Reader
from mpi.identity_results import Identity, ScoredCandidate
from mpi.number_kernels import read_number
from person.errors import ConfigError, InputError

__all__ = ["find_by_number", "people_by_number", "search_people"]


def find_by_number(reader: Reader, number: str, id_type: str | None) -> list[int]:
    """Identities whose records hold a document number, rising.

    Parameters
    ----------
    reader : of the index
    number : as anybody writes it: 15 or 18 digits, blanks, full-width
    id_type : of the document, None to tell by shape

    Raises
    ------
    ConfigError : the schema has no national id, or the index keeps no postings for it
    """
    engine, snapshot = reader.engine, reader.snapshot
    rows = engine.encode_number(number, id_type)
    place = engine.number_place
    assert place is not None, "without one nothing is encoded"
    wanted = place.value_of(rows)
    if not wanted:
        return []
    key = int(engine.first_keys(place.rule, rows)[0])
    return sorted(set(snapshot.owners_with(place.table, key, place.slot, wanted)) - {-1})


def people_by_number(reader: Reader, number: str, id_type: str | None) -> list[Identity]:
    """`find_by_number` with what is known of each identity; in two compiled calls if it can be.

    Parameters
    ----------
    reader, number, id_type : see `find_by_number`

    Raises
    ------
    ConfigError : as there
    """
    engine, place = reader.engine, reader.engine.number_place
    if id_type is None and engine.sealer is None and place is not None and place.is_whole:
        try:
            value, key = read_number(number)
        except UnicodeEncodeError as error:
            raise InputError("the number holds bytes that are no text; give it in UTF-8") from error
        if not value:
            return []
        found = reader.snapshot.people_with(place.table, key, place.slot, value)
        if found is not None:
            return [reader.person(*each) for each in found]
    return [reader.identity(each) for each in find_by_number(reader, number, id_type)]


def search_people(reader: Reader, fields: Mapping[str, Any], limit: int) -> list[ScoredCandidate]:
    """Identities that a description fits, the best record of each, heaviest first.

    Parameters
    ----------
    reader : of the index
    fields : columns of the schema
    limit : most candidates to return
    """
    if limit < 1:
        raise ConfigError("limit must be at least 1")
    rows = reader.engine.encode(as_table(dict(fields))).rows
    candidates = find_candidates(reader.snapshot, reader.engine, rows)
    return list(reader.scored(_best_of_each(candidates)[:limit], candidates))


def _best_of_each(candidates: Candidates) -> list[CandidateIdentity]:
    weight = candidates.weighed.weight
    order = np.lexsort((candidates.record, -weight))
    found: dict[int, CandidateIdentity] = {}
    for place in order.tolist():
        identity = int(candidates.identity[place])
        if identity not in found:
            found[identity] = CandidateIdentity(
                identity,
                int(candidates.record[place]),
                float(weight[place]),
                REFUSAL_WORDS[candidates.refusal[place]],
                place,
            )
    return list(found.values())
