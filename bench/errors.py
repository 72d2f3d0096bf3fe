"""What goes wrong in a bench itself, as opposed to in what it measures."""

from __future__ import annotations

from person.errors import MpiError

__all__ = ["BenchError", "EngineFailedError"]


class BenchError(MpiError):
    """A bench could not be carried out."""


class EngineFailedError(BenchError):
    """An engine's process ended badly; the message is the end of what it said."""
