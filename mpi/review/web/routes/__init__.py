"""The pages, a module each; a module lists its own in `PAGES`."""

from __future__ import annotations

from typing import Final

__all__ = ["MODULES"]

MODULES: Final[tuple[str, ...]] = (
    "home",
    "tasks",
    "account",
    "case",
    "people",
    "search",
    "figures",
    "sheet",
    "help",
)
"""Modules of this package that are served; the first that fits a path answers."""
