"""Options that several commands share, each a decorator with one wording."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

__all__ = [
    "clustering_option",
    "index_result_options",
    "inputs_argument",
    "json_option",
    "memory_option",
    "model_option",
    "out_directory_option",
    "overwrite_option",
    "quiet_option",
    "resume_option",
    "run_options",
    "schema_option",
    "seed_option",
    "strict_option",
    "threads_option",
]

F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[F], F]

_AMOUNT: Final = re.compile(r"\d+(\.\d+)?\s*([KMGT]i?B?|B)?", re.IGNORECASE)


def _check_memory(_: click.Context, __: click.Parameter, value: str) -> str:
    if not _AMOUNT.fullmatch(value.strip()):
        raise click.BadParameter("give an amount such as 8GiB or 500MB")
    return value


def _set_threads(_: click.Context, __: click.Parameter, value: int | None) -> None:
    # Set before numpy and numba are imported: their own pools read the environment once.
    if value is not None:
        os.environ["MPI_THREADS"] = str(value)
        os.environ.setdefault("OMP_NUM_THREADS", str(value))


inputs_argument: Final[Decorator[Any]] = click.argument(
    "inputs", nargs=-1, required=True, metavar="FILES..."
)
schema_option: Final[Decorator[Any]] = click.option(
    "--schema",
    metavar="FILE",
    help="TOML description of the columns. Default: the built-in schema for Chinese residents.",
)
model_option: Final[Decorator[Any]] = click.option(
    "--model",
    metavar="FILE",
    help="Model to use instead of fitting one, as written by `mpi train` or an earlier run. "
    "It brings its schema.",
)
out_directory_option: Final[Decorator[Any]] = click.option(
    "--out",
    required=True,
    metavar="DIR",
    help="Directory for the results. It appears when the run has succeeded, never before.",
)
overwrite_option: Final[Decorator[Any]] = click.option(
    "--overwrite", is_flag=True, help="Replace what an earlier run wrote there."
)
memory_option: Final[Decorator[Any]] = click.option(
    "--memory",
    default="8GiB",
    show_default=True,
    metavar="AMOUNT",
    callback=_check_memory,
    help="Working memory the run may use.",
)
seed_option: Final[Decorator[Any]] = click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Seed of all sampling; the same seed gives the same results.",
)
threads_option: Final[Decorator[Any]] = click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    expose_value=False,
    callback=_set_threads,
    help="Worker threads. Default: as many as there are processors.",
)
strict_option: Final[Decorator[Any]] = click.option(
    "--strict", is_flag=True, help="Refuse to run if any row cannot be used."
)
resume_option: Final[Decorator[Any]] = click.option(
    "--resume",
    is_flag=True,
    help="Go on from what a killed run with the same files, options and --out had finished.",
)
quiet_option: Final[Decorator[Any]] = click.option(
    "--quiet", "-q", is_flag=True, help="No progress and no summary."
)
json_option: Final[Decorator[Any]] = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document instead of tables."
)


def clustering_option(*choices: str) -> Decorator[Any]:
    """Offer the ways of clustering that a command supports; the first is the default."""
    return click.option(
        "--clustering",
        type=click.Choice(choices),
        default=choices[0],
        show_default=True,
        help="How links become people.",
    )


def index_result_options(function: F) -> F:
    """Add the options that bring a run into an identity index."""
    key = click.option(
        "--digest-key",
        envvar="MPI_DIGEST_KEY",
        metavar="FILE",
        help="Key file of an index that keeps identifiers as keyed digests.",
    )
    index = click.option(
        "--index",
        metavar="DIR",
        help="Identity index that takes the outcome, made if it is not there. Enterprise ids are "
        "then its own, kept from run to run.",
    )
    return index(key(function))


def run_options(function: F) -> F:
    """Add the options of every command that makes a run."""
    for option in reversed(
        (
            out_directory_option,
            schema_option,
            model_option,
            memory_option,
            seed_option,
            threads_option,
            strict_option,
            overwrite_option,
            resume_option,
            quiet_option,
            json_option,
        )
    ):
        function = option(function)
    return function
