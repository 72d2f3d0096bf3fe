"""Hold a generated directory against its manifest, its own drawing and published facts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from data_gen.check_people import check_people
from data_gen.check_records import check_records
from data_gen.findings import Finding, unjudged
from data_gen.manifest import GENERATOR_VERSION, Manifest, find_problems, read_manifest
from data_gen.parameters import GeneratorParameters
from data_gen.people import COMMUNITY_PEOPLE
from data_gen.population import Population
from data_gen.read import read_parts

__all__ = ["PEOPLE_MAX", "RECORDS_MAX", "PopulationCheck", "check_directory"]

PEOPLE_MAX: Final = 1_000_000
RECORDS_MAX: Final = 3_000_000
JUDGED_FROM: Final = 100
"""People below which shares say nothing: they are shown then, and only what is so by construction
is judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationCheck:
    """What the check found.

    Attributes
    ----------
    directory : that was checked
    manifest : of the directory
    people, records : how many were looked at
    problems : files that are missing, changed or too many; a sentence each
    findings : figures beside what they should be
    charts : rows for pictures: pyramid, surnames, one_character, households, missing, causes
    """

    directory: str
    manifest: Manifest
    people: int
    records: int
    problems: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    charts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The findings that are outside their bounds."""
        return tuple(finding for finding in self.findings if not finding.passed)

    @property
    def passed(self) -> bool:
        return not self.problems and not self.failed

    def as_dict(self) -> dict[str, Any]:
        return {
            "directory": self.directory,
            "parameters": self.manifest.parameters,
            "people": self.people,
            "records": self.records,
            "passed": self.passed,
            "problems": list(self.problems),
            "findings": [{**asdict(each), "passed": each.passed} for each in self.findings],
        }


def check_directory(
    directory: str | Path, *, people_max: int = PEOPLE_MAX, records_max: int = RECORDS_MAX
) -> PopulationCheck:
    """Check a directory that `mpi generate` wrote.

    Parameters
    ----------
    directory : to check
    people_max : draw and count so many people at most
    records_max : read so many records at most, in parts spread over the directory

    Returns
    -------
    PopulationCheck; nothing but `problems` where a file is not as written

    Raises
    ------
    InputError : the directory has no manifest that can be read
    """
    manifest = read_manifest(directory)
    problems = find_problems(directory, manifest)
    if manifest.generator_version != GENERATOR_VERSION:
        problems.append(
            f"written by version {manifest.generator_version} of the generator; this is version "
            f"{GENERATOR_VERSION}, which draws other people"
        )
    if problems:
        return PopulationCheck(
            directory=str(directory),
            manifest=manifest,
            people=0,
            records=0,
            problems=tuple(problems),
        )
    parameters = GeneratorParameters.from_dict(manifest.parameters)
    population = Population(parameters)
    people_count = min(population.people_count, people_max)
    if people_count < population.people_count:
        people_count -= people_count % COMMUNITY_PEOPLE
    records = check_records(read_parts(directory, manifest, records_max), parameters)
    people = check_people(population.people(0, people_count))
    findings = (*people.findings, *records.findings)
    if people_count < JUDGED_FROM:
        findings = tuple(each if each.low == each.high else unjudged(each) for each in findings)
    return PopulationCheck(
        directory=str(directory),
        manifest=manifest,
        people=people_count,
        records=min(records.records, manifest.stop - manifest.start),
        problems=(),
        findings=findings,
        charts=people.charts | records.charts,
    )
