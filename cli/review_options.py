"""Options that several commands of `mpi review` share."""

from __future__ import annotations

import math

import click

__all__ = ["finite"]


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
