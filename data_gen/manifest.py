"""manifest.json: what a generated directory holds, and how to draw it again.

    DIR/manifest.json                                 written last
    DIR/records/<system>/part-00000.parquet           what the sources know
    DIR/truth/part-00000.parquet                      who each record is, and what was done to it

Part n holds the records n * rows_per_file up to (n + 1) * rows_per_file of the population, those
of each system in a file of their own, so every file has the same bytes however many threads or
machines wrote the directory. The manifest holds no time and no name of a machine, for the same
reason.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from person.errors import InputError

__all__ = [
    "GENERATOR_VERSION",
    "MANIFEST_FORMAT",
    "MANIFEST_NAME",
    "FileEntry",
    "Manifest",
    "file_sha256",
    "find_problems",
    "read_manifest",
]

MANIFEST_NAME: Final = "manifest.json"
MANIFEST_FORMAT: Final = "mpi-population/1"
GENERATOR_VERSION: Final = 1
"""Raised whenever the same seed and parameters give other records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file of the directory; `system` is null for truth."""

    path: str
    system: str | None
    part: int
    rows: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything about a generated directory except the rows.

    Attributes
    ----------
    parameters : what GeneratorParameters.from_dict takes
    file_format : 'parquet' or 'csv'
    rows_per_file : records of the population in a part, all systems together
    people : people of the whole population
    records : records of the whole population
    start, stop : record numbers that this directory holds
    rows_by_source, rows_by_system : records in this directory
    causes : bit -> name of the cause
    cause_counts : system -> cause name -> records in this directory
    files : every file but the manifest, by path
    writer : library that wrote the files; another version of it may write other bytes
    """

    parameters: dict[str, Any]
    file_format: str
    rows_per_file: int
    people: int
    records: int
    start: int
    stop: int
    rows_by_source: dict[str, int]
    rows_by_system: dict[str, int]
    causes: dict[str, str]
    cause_counts: dict[str, dict[str, int]]
    files: tuple[FileEntry, ...]
    writer: str
    format: str = MANIFEST_FORMAT
    generator_version: int = GENERATOR_VERSION

    def to_json(self) -> str:
        """Return the text of manifest.json."""
        head = {"format": self.format, "generator_version": self.generator_version}
        return json.dumps(head | asdict(self), ensure_ascii=False, indent=1) + "\n"

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


def read_manifest(directory: str | Path) -> Manifest:
    """Read the manifest of a generated directory.

    Parameters
    ----------
    directory : as written by `mpi generate`

    Raises
    ------
    InputError : no manifest there, not one of ours, or of another format
    """
    path = Path(directory) / MANIFEST_NAME
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            f"{directory}: no {MANIFEST_NAME} there; name a directory written by mpi generate",
            path=str(path),
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read; generate the directory again", path=str(path)
        ) from error
    if not isinstance(found, dict) or found.get("format") != MANIFEST_FORMAT:
        raise InputError(
            f"{path}: is not of the format {MANIFEST_FORMAT}; generate the directory again with "
            "this version",
            path=str(path),
        )
    return _from_dict(found, path)


def find_problems(directory: str | Path, manifest: Manifest) -> list[str]:
    """Hold the files against the manifest; an empty list means that every byte is as written.

    Parameters
    ----------
    directory : as written by `mpi generate`
    manifest : its manifest

    Returns
    -------
    one sentence for each file that is missing, too many, or changed
    """
    base = Path(directory)
    problems = []
    for entry in manifest.files:
        path = base / entry.path
        if not path.is_file():
            problems.append(f"{entry.path}: missing")
        elif path.stat().st_size != entry.size_bytes:
            problems.append(f"{entry.path}: has another size than when it was written")
        elif file_sha256(path) != entry.sha256:
            problems.append(f"{entry.path}: has changed since it was written")
    known = {entry.path for entry in manifest.files} | {MANIFEST_NAME}
    found = {str(path.relative_to(base)) for path in base.rglob("*") if path.is_file()}
    problems += [f"{path}: is not in the manifest" for path in sorted(found - known)]
    return problems


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _from_dict(found: Mapping[str, Any], path: Path) -> Manifest:
    names = {field.name for field in fields(Manifest)}
    try:
        files = tuple(FileEntry(**entry) for entry in found["files"])
        known = {name: value for name, value in found.items() if name in names}
        return Manifest(**{**known, "files": files})
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{path}: lacks what a manifest has; generate the directory again", path=str(path)
        ) from error
