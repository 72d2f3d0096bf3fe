"""Options that several commands of `mpi review` share."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar

import click

__all__ = ["finite", "task_filter_options"]

F = TypeVar("F", bound=Callable[..., Any])

_STATUSES: Final = ("open", "deferred", "escalated", "approval", "closed")


def finite(context: click.Context, option: click.Parameter, value: float | None) -> float | None:  # noqa: ARG001 - as click calls it
    """A number that can be compared; nan passes every range, lets nothing through, says nothing.

    Parameters
    ----------
    context, option : of the command, that it is given to
    value : as click read it, None without one
    """
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is no number to compare with.", param=option)
    return value


_TASK_FILTER: Final = (
    click.option(
        "--status",
        "statuses",
        type=click.Choice(_STATUSES),
        multiple=True,
        default=("open",),
        show_default=True,
        help="Tasks of this status; may be repeated.",
    ),
    click.option("--assignee", metavar="NAME", help="Tasks of this steward; '' for nobody's."),
    click.option("--source", metavar="NAME", help="Tasks with a record of this source."),
    click.option("--task-kind", metavar="KIND", help="Tasks of this kind, such as REVIEW."),
    click.option(
        "--weight-min",
        type=float,
        callback=finite,
        metavar="BITS",
        help="Least weight of the heaviest pair.",
    ),
    click.option("--weight-max", type=float, callback=finite, metavar="BITS", help="Most."),
)


def task_filter_options(function: F) -> F:
    """Add the options that choose tasks; the command takes them as one `wanted`, a `Filter`.

    Parameters
    ----------
    function : of the command
    """

    @wraps(function)
    def called(
        *args: Any,
        statuses: tuple[str, ...],
        task_kind: str | None,
        weight_min: float | None,
        weight_max: float | None,
        source: str | None,
        assignee: str | None,
        **others: Any,
    ) -> Any:
        from mpi.review.types import Filter, TaskStatus

        wanted = Filter(
            status=frozenset(TaskStatus(each) for each in statuses),
            kind=task_kind,
            source=source,
            assignee=assignee,
            weight_min=weight_min,
            weight_max=weight_max,
        )
        return function(*args, wanted=wanted, **others)

    for option in reversed(_TASK_FILTER):
        called = option(called)
    return called  # type: ignore[return-value]
