"""Generated populations: records like China's on disk, with the truth beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from data_gen.manifest import MANIFEST_NAME, Manifest
from data_gen.parameters import GeneratorParameters
from data_gen.quick import quick_people
from mpi.outputs import OutputDirectory, output_errors
from mpi.progress import NO_PROGRESS, Progress
from person.errors import ConfigError

if TYPE_CHECKING:
    from data_gen.population import Population

__all__ = ["Generated", "generate", "population"]

ROWS_PER_FILE: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """A directory of generated records.

    Attributes
    ----------
    out : the directory
    manifest : what it holds, as in its manifest.json
    """

    out: Path
    manifest: Manifest

    @property
    def records(self) -> Path:
        """Where the records are; `mpi.dedupe` takes this, and `out` as well."""
        return self.out / "records"

    @property
    def truth(self) -> Path:
        """Where the truth is; `mpi.evaluate` takes this, and `out` as well."""
        return self.out / "truth"

    def as_dict(self) -> dict[str, Any]:
        held = self.manifest
        return {
            "out": str(self.out),
            "parameters": held.parameters,
            "people": held.people,
            "records": held.stop - held.start,
            "records_by_system": held.rows_by_system,
            "sources": len(held.rows_by_source),
            "files": len(held.files),
            "size_bytes": held.size_bytes,
        }


def population(
    people: int | None = None, *, quick: str | None = None, **parameters: Any
) -> Population:
    """Describe a population without writing it; records are drawn when they are asked for.

    Parameters
    ----------
    people : number of people
    quick : or a preset: 10k, 1m, 10m, 100m, 1300m
    **parameters : of data_gen.parameters.GeneratorParameters: seed, records_per_person, ...

    Returns
    -------
    data_gen.population.Population: `.batches()`, `.truth()`, `.people()`, `.record_source()`

    Raises
    ------
    ConfigError : a parameter that cannot be, by its name
    """
    from data_gen.population import Population

    if (people is None) == (quick is None):
        raise ConfigError("people: give the number of people, or a preset by quick, and not both")
    count = quick_people(quick) if quick is not None else people
    assert count is not None, "one of the two was given"
    try:
        return Population(GeneratorParameters(people=count, **parameters))
    except TypeError as error:
        known = set(GeneratorParameters.__dataclass_fields__)
        unknown = sorted(set(parameters) - known)
        if not unknown:
            raise
        raise ConfigError(f"{unknown[0]}: no such parameter of a population") from error


def generate(
    out: str | Path,
    *,
    people: int | None = None,
    quick: str | None = None,
    file_format: str = "parquet",
    rows_per_file: int = ROWS_PER_FILE,
    start: int = 0,
    stop: int | None = None,
    overwrite: bool = False,
    progress: Progress = NO_PROGRESS,
    **parameters: Any,
) -> Generated:
    """Write a generated population: records by system, the truth beside them, a manifest.

    Parameters
    ----------
    out : directory to write; it appears whole, with its manifest, or not at all
    people, quick, **parameters : as for `population`
    file_format : 'parquet' (zstd) or 'csv'
    rows_per_file : records in a part; a part is a file a system and one of truth
    start, stop : write only these records of the population; multiples of `rows_per_file`, stop
        at most the number of records; None stops there
    overwrite : replace an earlier output of `generate`
    progress : told how far it is

    Returns
    -------
    Generated

    Raises
    ------
    ConfigError : a parameter that cannot be, by its name
    OutputError : the directory cannot be written; too little room is noticed before the start
    """
    from data_gen.write import check_slice, estimate_size, write_population

    drawn = population(people, quick=quick, **parameters)
    end = check_slice(drawn.record_count, file_format, rows_per_file, start, stop)
    needed = estimate_size(end - start, file_format)
    with (
        OutputDirectory(
            out, overwrite=overwrite, needed_bytes=needed, proof=MANIFEST_NAME
        ) as output,
        progress.stage("generate", end - start) as stage,
        output_errors(output.path),
    ):
        manifest = write_population(
            drawn,
            output.partial,
            file_format=file_format,
            rows_per_file=rows_per_file,
            start=start,
            stop=end,
            on_rows=stage.advance,
        )
    return Generated(out=output.path, manifest=manifest)
