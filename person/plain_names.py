"""Names of one to four plain characters, read straight from the bytes; most names are such.

Any other name is left to `person.han_names`.
"""

from __future__ import annotations

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from person.han import CHARACTER_BASE, MARK, HanTables
from person.jit import inlined_kernel, load_uint8, load_uint16

__all__ = ["plain_flags", "plain_name"]

_OPENS_COMPOUND, _ENDS_COMPOUND = 2, 4


def plain_flags(tables: HanTables) -> NDArray[np.uint8]:
    """Surname flags of each unit, with a further bit for the second of a compound surname.

    Parameters
    ----------
    tables : of characters

    Returns
    -------
    uint8[32768]
    """
    flags = tables.surname_flags.copy()
    flags[tables.compound_units[:, 1]] |= _ENDS_COMPOUND
    return flags


@inlined_kernel
def plain_name(start, length, code_units, flags):  # type: ignore[no-untyped-def]
    """The word of the name at an address, 0 where it is not so plain (scalar kernel).

    `code_units`, `flags` : addresses of `person.han.HanTables.code_units` and of `plain_flags`.
    What may begin with a compound surname takes a closer look.
    """
    count = length // 3
    if count * 3 != length or count > 4 or count == 0:
        return uint64(0)
    word = uint64(0)
    for place in range(count):
        first = uint64(load_uint8(start, 3 * place))
        if first < 0xE3 or first > 0xEF:
            return uint64(0)
        code_point = (first & uint64(0x0F)) << uint64(12)
        code_point |= (uint64(load_uint8(start, 3 * place + 1)) & uint64(0x3F)) << uint64(6)
        code_point |= uint64(load_uint8(start, 3 * place + 2)) & uint64(0x3F)
        unit = uint64(load_uint16(code_units, code_point))
        if unit < CHARACTER_BASE or unit >= MARK:
            return uint64(0)
        word |= unit << uint64(45 - 15 * place)
    flag = load_uint8(flags, word >> uint64(45))
    second = load_uint8(flags, word >> uint64(30) & uint64(0x7FFF))
    if count >= 3 and flag & _OPENS_COMPOUND and second & _ENDS_COMPOUND:
        return uint64(0)
    surname = uint64(1) if count == 2 or count == 3 else uint64(flag & 1)
    return word | surname << uint64(60)
