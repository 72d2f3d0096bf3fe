"""Names of places behind region codes, so that no steward reads a bare number."""

from __future__ import annotations

from functools import cache
from typing import Final

from person.region_names import official_names

__all__ = ["place_name"]

_DIGITS: Final = 6
_BETWEEN: Final = ("市辖区", "县")
"""Stand between a province and its counties, and say nothing."""


@cache
def _names() -> dict[int, str]:
    return official_names()


def place_name(code: str | None) -> str:
    """The place of a region's code, from the province down; '' where the table knows none.

    Parameters
    ----------
    code : six digits, or a county's code with more digits behind it, as GB/T 2260 has them
    """
    digits = (code or "").strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) >= _DIGITS):
        return ""
    county = int(digits[:_DIGITS])
    tiers = (county // 10_000 * 10_000, county // 100 * 100, county)
    names = [_names().get(tier, "") for tier in dict.fromkeys(tiers)]
    return "".join(name for name in names if name not in _BETWEEN and "直辖县级" not in name)
