"""People from abroad: each number of theirs is one person's alone."""

from __future__ import annotations

import numpy as np

from data_gen.abroad_kernels import _document, _residence_permit
from data_gen.counter import draw_bits
from data_gen.people import DocumentType, Origin, People
from tests.data_gen.community_people import people_columns

KEY = np.uint64(77)
MACAO_HOUSEHOLDS = 55_732
"""Ranks that the origin has in the nation at the default rate."""


def test_no_two_residence_permits_are_equal() -> None:
    """Of all households of one origin, members born in one year get different numbers."""
    people, years = People(), np.full(1024, 30)
    bits = [np.uint64(draw_bits(KEY, rank)) for rank in range(MACAO_HOUSEHOLDS)]
    bodies = []
    for rank, each in enumerate(bits):
        people.sex[0], people.twin[0], people.id_body[0] = 1, -1, 0
        _residence_permit(
            *(int(Origin.MACAO), rank, MACAO_HOUSEHOLDS, KEY, each, 0, 0, years, people.block[0])
        )
        if people.id_body[0]:
            bodies.append(int(people.id_body[0]))
    assert 0.39 < len(bodies) / MACAO_HOUSEHOLDS < 0.41
    assert len(set(bodies)) == len(bodies)
    assert len({body // 1000 for body in bodies}) == 365  # every day of 1990


def test_no_two_travel_permits_are_equal() -> None:
    """All members that an origin can have get documents of different numbers."""
    text, numbers = np.zeros(16, np.uint8), set()
    for member in range(30_000):
        kind = _document(int(Origin.HONG_KONG), member, KEY, KEY, text)
        assert kind == DocumentType.TRAVEL_PERMIT_HONG_KONG_MACAO
        numbers.add(text.tobytes())
    assert len(numbers) == 30_000


def test_a_permit_has_one_holder_in_a_household() -> None:
    """Numbers of residents of Hong Kong, Macao and Taiwan in a population are all different."""
    columns = people_columns()
    permits = columns["id_body"][(columns["origin"] > 0) & (columns["id_body"] > 0)]
    assert len(np.unique(permits)) == len(permits)
    documents = columns["document"][columns["origin"] > 0]
    assert len(np.unique(documents, axis=0)) == len(documents)
