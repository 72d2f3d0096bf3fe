"""Numbers as a person reads them."""

from __future__ import annotations

import re

__all__ = [
    "bytes_text",
    "count_text",
    "name_text",
    "number_text",
    "seconds_text",
    "share_text",
    "weight_text",
]


def count_text(value: float | None) -> str:
    """Write a count with its thousands apart."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def name_text(name: str) -> str:
    """Write a name from the code as words: "links_per_10_000" -> "links per 10,000"."""
    return re.sub(r"(?<=\d)_(?=\d{3})", ",", name).replace("_", " ")


def number_text(value: float | None) -> str:
    """Write a measured number with four figures; a very small one as a power of ten."""
    if value is None:
        return ""
    if value != 0 and abs(value) < 1e-3:
        return f"{value:.2e}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def weight_text(weight: float | None) -> str:
    """Write a match weight in bits, always with two decimals, so that columns line up."""
    return "" if weight is None else f"{weight:.2f}"


def share_text(share: float | None) -> str:
    """Write a share as a percentage that never rounds up to all or down to none.

    The distance to 100 % is what matters for precision: 0.99998 is '99.998 %', not '100 %'.
    """
    if share is None:
        return ""
    if share in (0.0, 1.0):
        return f"{share:.0%}".replace("%", " %")
    for digits in (1, 2, 3, 4, 5):
        text = f"{100 * share:.{digits}f}"
        if 0.0 < float(text) < 100.0 and min(share, 1 - share) >= 10.0 ** -(digits + 1):
            return f"{text} %"
    return "over 99.99999 %" if share > 0.5 else "under 0.00001 %"


def seconds_text(seconds: float) -> str:
    """Write a duration in the unit that suits it."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def bytes_text(size: float) -> str:
    """Write a size in the largest binary unit that gives at least 1."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} TiB"
