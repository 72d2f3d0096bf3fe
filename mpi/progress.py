"""How a long job tells where it is; the command line shows it, a library caller may ignore it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

__all__ = ["NO_PROGRESS", "Progress", "Stage"]


class Stage(Protocol):
    """A stage under way."""

    def advance(self, count: int) -> None: ...


class Progress(Protocol):
    """Told when a stage begins and ends; `total` is in the stage's own unit, where known."""

    def stage(self, name: str, total: int | None = None) -> AbstractContextManager[Stage]: ...


class _Silent:
    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Stage]:  # noqa: ARG002
        yield self

    def advance(self, count: int) -> None:
        pass


NO_PROGRESS: Progress = _Silent()
