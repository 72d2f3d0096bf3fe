"""Check a generated directory, and write the page that shows it."""

from __future__ import annotations

from pathlib import Path

from data_gen.check import PEOPLE_MAX, RECORDS_MAX, PopulationCheck, check_directory
from mpi.outputs import write_file
from mpi.progress import NO_PROGRESS, Progress
from mpi.report_population import finding_texts, render_population_check

__all__ = ["check_population", "check_rows", "write_population_check"]


def check_population(
    directory: str | Path,
    *,
    people_max: int = PEOPLE_MAX,
    records_max: int = RECORDS_MAX,
    progress: Progress = NO_PROGRESS,
) -> PopulationCheck:
    """Set the figures of a generated directory beside published facts.

    Parameters
    ----------
    directory : as written by `generate`
    people_max : look at so many people at most
    records_max : read so many records at most
    progress : told how far it is

    Returns
    -------
    PopulationCheck; `passed` says it in one word

    Raises
    ------
    InputError : the directory was not written by `generate`
    """
    with progress.stage("check"):
        return check_directory(directory, people_max=people_max, records_max=records_max)


def check_rows(check: PopulationCheck) -> list[tuple[str, ...]]:
    """Word the judged findings: chapter, name, value, reference, bounds, result, grade, source.

    Parameters
    ----------
    check : what was found
    """
    return [
        (finding.chapter, *finding_texts(finding))
        for finding in check.findings
        if finding.reference is not None
    ]


def write_population_check(check: PopulationCheck, path: str | Path) -> None:
    """Write the check as an HTML page.

    Parameters
    ----------
    check : what was found
    path : file to write

    Raises
    ------
    OutputError : the file cannot be written
    """
    write_file(path, render_population_check(check))
