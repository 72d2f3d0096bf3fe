"""Amounts as people write them."""

from __future__ import annotations

import re

from person.errors import ConfigError

__all__ = ["parse_bytes"]

_AMOUNT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?\s*\Z", re.IGNORECASE)


def parse_bytes(amount: str | int) -> int:
    """Bytes from '8GiB', '500 MB' or a number; at least 64 MiB, else ConfigError."""
    if isinstance(amount, int):
        size = amount
    else:
        match = _AMOUNT.match(amount)
        if match is None:
            raise ConfigError(f"{amount!r} is not an amount of memory; write 8GiB or 500MB")
        number, prefix, binary = match.groups()
        base = 1024 if binary else 1000
        size = int(float(number) * base ** " KMGT".index(prefix.upper() or " "))
    if size < 64 << 20:
        raise ConfigError("a run needs at least 64MiB of memory")
    return size
