"""Why a record differs from its person: one bit a cause, and names for people to read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data_gen.cause_bits import CAUSE_COUNT

__all__ = ["CAUSES", "CAUSE_NAMES", "Cause", "cause_names"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One way in which a record can differ from what is true of its person today.

    Attributes
    ----------
    bit : position in the mask of a record's causes; stable, for it is written to files
    name : 'field:cause', stable as well
    field : column of the record that shows it
    meaning : one line for people
    """

    bit: int
    name: str
    field: str
    meaning: str


# In the order of the bits. A bit is never given to another cause.
_LINES: Final = """
name:homophone a character of the same sound and tone
name:other_tone a character of the same syllable in another tone
name:fuzzy_sound a character of a syllable that accents confuse (zh/z, n/l, in/ing)
name:similar_shape a character drawn alike
name:other_character any other character
name:missing_character a character left out
name:extra_character a character too many
name:swapped surname and given name change places
name:traditional traditional characters
name:pinyin Latin letters only
name:truncated cut to the length of a short name field
name:rare_masked '?', '*' or another mask for a rare character
name:rare_split a rare character described by its parts in brackets
name:respelled another transliteration of a minority name
name:newborn_placeholder the mother's name and 之子, 之女 before the child has one
name:unknown_person 无名氏, an emergency without papers
name:former the name before a change
id_number:missing no number although the person has one
id_number:one_digit one digit wrong
id_number:transposed two neighbouring digits change places
id_number:fifteen_digits the first generation's form of the number
id_number:family_member the number of a parent, spouse or child
id_number:previous the number before it was changed or corrected
birth_date:day_month_swapped day and month change places
birth_date:lunar the date of the lunar calendar
birth_date:year_off the year off by one, two or ten
birth_date:first_of_january 1 January of the right year
birth_date:missing no birth date
gender:wrong the other sex
gender:missing no sex
phone:old a number given up since
phone:family_member the phone of a parent, spouse or child
phone:missing no phone although the person has one
address:previous an address from another time
address:abbreviated parts left out or shortened
address:missing no address
"""


def _read_causes() -> tuple[Cause, ...]:
    found = []
    for bit, line in enumerate(_LINES.strip().splitlines()):
        name, _, meaning = line.partition(" ")
        found.append(Cause(bit=bit, name=name, field=name.split(":")[0], meaning=meaning))
    return tuple(found)


CAUSES: Final[tuple[Cause, ...]] = _read_causes()
CAUSE_NAMES: Final[dict[str, int]] = {cause.name: cause.bit for cause in CAUSES}

assert len(CAUSES) == CAUSE_COUNT


def cause_names(masks: NDArray[np.uint64]) -> pa.Array:
    """Names of the causes of each record, joined by '|'; '' for none.

    Parameters
    ----------
    masks : uint64[n_records], a bit each as in `CAUSES`

    Returns
    -------
    pa.StringArray of n_records; most masks occur many times, so each is worded once
    """
    coded = pa.array(masks).dictionary_encode()
    words = [_worded(mask) for mask in coded.dictionary.to_pylist()]
    return pa.array(words, pa.string()).take(coded.indices)


@lru_cache(maxsize=1 << 16)
def _worded(mask: int) -> str:
    return "|".join(cause.name for cause in CAUSES if mask >> cause.bit & 1)
