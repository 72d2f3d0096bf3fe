"""Who each record is of: compiled code."""

from __future__ import annotations

from person.jit import kernel

__all__ = ["fill_truth"]


@kernel
def fill_truth(records, count, people_block, first_person, row, out_people, out_causes):  # type: ignore[no-untyped-def]
    """Write the truth of `count` records from output row `row` on.

    out_people : int64[4, rows] person, household, mother and twin by person id, -1 = none in the
        household; out_causes : uint64[rows]
    """
    people = people_block[0]
    for place in range(count):
        record = records[place]
        slot, at = record.slot, row + place
        out_people[0, at] = first_person + slot
        out_people[1, at] = first_person + people.household[slot]
        mother, twin = people.mother[slot], people.twin[slot]
        out_people[2, at] = first_person + mother if mother >= 0 else -1
        out_people[3, at] = first_person + twin if twin >= 0 else -1
        out_causes[at] = record.causes
