"""Who each record is of: compiled code."""

from __future__ import annotations

from numba import uint64

from person.jit import count_trailing_zeros, kernel

__all__ = ["count_bits", "fill_truth"]


@kernel
def fill_truth(records, order, people_block, first_person, row, out_people, out_causes):  # type: ignore[no-untyped-def]
    """Write the truth of records `order`, int64[n], from output row `row` on.

    out_people : int64[4, rows] person, household, mother and twin by person id, -1 = none in the
        household; out_causes : uint64[rows]
    """
    people = people_block[0]
    for place in range(order.shape[0]):
        record = records[order[place]]
        slot, at = record.slot, row + place
        out_people[0, at] = first_person + slot
        out_people[1, at] = first_person + people.household[slot]
        mother, twin = people.mother[slot], people.twin[slot]
        out_people[2, at] = first_person + mother if mother >= 0 else -1
        out_people[3, at] = first_person + twin if twin >= 0 else -1
        out_causes[at] = record.causes


@kernel
def count_bits(records, order, out):  # type: ignore[no-untyped-def]
    """Add to out, int64[64], how many of records `order` have each bit of `causes`."""
    for place in range(order.shape[0]):
        causes = records[order[place]].causes
        while causes != 0:
            out[count_trailing_zeros(causes)] += 1
            causes &= causes - uint64(1)
