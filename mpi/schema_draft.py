"""Draft a schema from a table's column names and values, and say what was guessed."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from mpi.tables import open_inputs
from person.errors import InputError
from person.schema import Field, load_schema

__all__ = ["SchemaDraft", "infer_schema"]

SAMPLE_ROWS: Final = 5000


@dataclass(frozen=True, slots=True)
class SchemaDraft:
    """`toml` is the draft; `notes` say what was guessed and why."""

    toml: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Guess:
    kind: str
    role: str
    group: str
    why: str
    options: dict[str, Any] = field(default_factory=dict)


# Column name, blanks and signs removed -> kind, role, group. First match wins.
_BY_NAME: Final[Sequence[tuple[str, str, str, str]]] = (
    (
        r"(given|first|fore|christian)names?|fname|prenom|first|given",
        "latin_name",
        "given_name",
        "name",
    ),
    (r"(sur|last|family)names?|lname|nom|last", "latin_name", "surname", "name"),
    (r"middle(names?|initial)?|mname", "latin_name", "middle_name", "name"),
    (r"(full|patient|person)?name", "latin_name", "full_name", ""),
    (r"(date)?of?birth(date|day)?|dob|birth(date|day)|bday", "date", "birth_date", ""),
    (r"sex|gender", "category", "sex", ""),
    (r".*(phone|mobile|tel|cell).*", "phone", "phone", ""),
    (r".*e?mail.*", "identifier", "email", ""),
    (r".*(post(al)?code|zip(code)?|pcode)", "identifier", "postcode", "address"),
    (r".*(suburb|city|town|municipality|village|locality)", "text", "city", "address"),
    (r"(state|province|region|county|district|country)", "category", "state", "address"),
    (r".*(street|house|unit)(number|no|num)", "identifier", "house_number", "address"),
    (r".*(address|street|addr|road).*", "text", "street", "address"),
    (
        r".*(ssn|socsec|socialsecurity|nin|passport|licen[cs]e|mrn|nhs|medicare|art|card|"
        r"insurance|identifier|idnumber|number)s?(id|no|number)?",
        "identifier",
        "identifier",
        "",
    ),
)
_NOT_IDENTITY: Final = re.compile(
    r"age|.*(income|salary|weight|height|pressure|score|amount|price|timestamp|createdat).*"
)
_DATE: Final = r"^\s*\d{4}[-/.]?\d{1,2}[-/.]?\d{1,2}(\D.*)?$|^\s*\d{1,2}[-/.]\d{1,2}[-/.]\d{4}\s*$"


def infer_schema(inputs: Any) -> SchemaDraft:
    """Draft a schema for a table.

    Parameters
    ----------
    inputs : path, several, or an Arrow table; the first rows of each file are looked at

    Returns
    -------
    SchemaDraft; its notes hold column names and shares, never a value
    """
    opened = open_inputs(inputs)
    heads = opened.head(SAMPLE_ROWS)
    if not heads:
        raise InputError("there are no rows to look at")
    table = pa.concat_tables(
        [pa.Table.from_batches([batch]) for batch in heads], promote_options="permissive"
    )
    notes: list[str] = []
    record_id = _record_id(table, notes)
    source = next((c for c in table.column_names if _key(c) in ("source", "sourcedataset")), None)
    guesses: dict[str, _Guess] = {}
    for column in table.column_names:
        if column in (record_id, source):
            continue
        guess = _guess(column, table.column(column))
        if guess is None:
            notes.append(f"{column}: left out; nothing says that it identifies a person")
            continue
        guesses[column] = guess
        notes.append(
            f"{column}: {guess.kind}{f' ({guess.role})' if guess.role else ''}, {guess.why}"
        )
    if not guesses:
        raise InputError("no column looks like something that identifies a person")
    return SchemaDraft(_to_toml(record_id, source, guesses), tuple(notes))


def _guess(column: str, values: pa.ChunkedArray) -> _Guess | None:
    text = pc.drop_null(_as_text(values))
    if len(text) == 0:
        return None
    resident = _resident_field(column)
    if resident is not None and _fits_resident(resident, text):
        return _Guess(
            resident.kind,
            resident.role,
            resident.group,
            "a column of the resident schema",
            {key: value for key, value in resident.options.items() if key != "written"},
        )
    key = _key(column)
    if _NOT_IDENTITY.fullmatch(key):
        return None
    for pattern, kind, role, group in _BY_NAME:
        if re.fullmatch(pattern, key):
            return _refined(kind, role, group, text, "by its name")
    return _by_values(text)


def _refined(kind: str, role: str, group: str, text: pa.ChunkedArray, why: str) -> _Guess:
    """Let the values correct what the name suggests."""
    options: dict[str, Any] = {}
    if kind == "latin_name" and _share(text, r"\p{Han}") > 0.5:
        return _Guess(
            "han_name",
            "full_name" if role == "full_name" else role,
            "",
            f"{why} and its Han characters",
        )
    codes = r"(?i)^\s*([0129mf男女]|male|female|男性|女性)\s*$"
    if kind == "category" and role == "sex" and _share(text, codes) > 0.9:
        return _Guess("gender", "sex", "", why)
    if kind in ("latin_name", "text", "identifier"):
        longest = _longest(text)
        default = {"latin_name": 20, "text": 30, "identifier": 20}[kind]
        if longest > default:
            options["characters"] = min(-(-longest // 10) * 10, 100)
    return _Guess(kind, role, group, why, options)


def _by_values(text: pa.ChunkedArray) -> _Guess | None:
    if _share(text, _DATE) > 0.8:
        return _Guess("date", "", "", "its values look like dates")
    if _share(text, r"^\d{17}[\dXx]$|^\d{15}$") > 0.8:
        return _Guess("national_id", "national_id", "identity", "its values look like id numbers")
    if _share(text, r"^[\p{Han}·]{2,5}$") > 0.8:
        return _Guess("han_name", "full_name", "", "its values look like Chinese names")
    distinct = len(pc.unique(text)) / len(text)
    if distinct > 0.5 and _share(text, r"\d") > 0.9 and _longest(text) <= 30:
        return _Guess("identifier", "identifier", "", "its values are nearly all different")
    return None


def _record_id(table: pa.Table, notes: list[str]) -> str | None:
    known = {_key(name) for name in load_schema().record_id} | {"recid", "uniqueid", "rowid", "uid"}
    named = [c for c in table.column_names if _key(c) in known]
    for column in (*named, *table.column_names[:1]):
        values = table.column(column)
        if values.null_count == 0 and len(pc.unique(values)) == len(values):
            notes.append(f"{column}: taken as the record id (no value repeats)")
            return column
    notes.append("no record id column found; row numbers will serve as ids")
    return None


def _resident_field(column: str) -> Field | None:
    return next(
        (f for f in load_schema().fields if _key(column) in {_key(name) for name in f.columns}),
        None,
    )


def _fits_resident(resident: Field, text: pa.ChunkedArray) -> bool:
    """English names such as 'name' or 'address' are the resident schema's only if values are."""
    checks: dict[str, Callable[[], bool]] = {
        "han_name": lambda: _share(text, r"\p{Han}") > 0.5,
        "national_id": lambda: _share(text, r"^\s*\d{15,17}[\dXx]?\s*$") > 0.5,
        "address": lambda: _share(text, r"\p{Han}") > 0.5,
        "region": lambda: _share(text, r"^\d{6,12}$|[\u4e00-\u9fff]") > 0.5,
        "gender": lambda: _share(text, r"(?i)^\s*([0129mf男女]|male|female|男性|女性)\s*$") > 0.8,
    }
    return checks.get(resident.kind, lambda: True)()


def _as_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(values.type):
        return pc.strftime(values, format="%Y-%m-%d")
    text = pc.cast(values, pa.string())
    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(text), ""), None, text)


def _share(text: pa.ChunkedArray, pattern: str) -> float:
    return float(pc.mean(pc.cast(pc.match_substring_regex(text, pattern), pa.float64())).as_py())


def _longest(text: pa.ChunkedArray) -> int:
    return int(pc.max(pc.utf8_length(text)).as_py())


def _key(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _to_toml(record_id: str | None, source: str | None, guesses: dict[str, _Guess]) -> str:
    lines = ["# Drafted by `mpi schema infer`; read it and correct what is wrong.", "", "[schema]"]
    lines.append('name = "table"')
    if record_id:
        lines.append(f"record_id = {_quoted(record_id)}")
    if source:
        lines.append(f"source = {_quoted(source)}")
    used: Counter[str] = Counter()
    for column, guess in guesses.items():
        name = _field_name(column, guess, used)
        lines += ["", f"[fields.{name}]", f"kind = {_quoted(guess.kind)}"]
        lines.append(f"columns = [{_quoted(column)}]")
        if guess.role:
            lines.append(f"role = {_quoted(guess.role)}")
        if guess.group:
            lines.append(f"group = {_quoted(guess.group)}")
        if guess.options:
            # Booleans, numbers, strings and lists of them are written alike in JSON and TOML.
            inside = ", ".join(
                f"{key} = {json.dumps(value, ensure_ascii=False)}"
                for key, value in guess.options.items()
            )
            lines.append(f"options = {{ {inside} }}")
    return "\n".join(lines) + "\n"


def _field_name(column: str, guess: _Guess, used: Counter[str]) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", column.casefold()).strip("_")
    if not re.match(r"[a-z]", name):
        name = guess.role or guess.kind
    used[name] += 1
    return name if used[name] == 1 else f"{name}_{used[name]}"


def _quoted(text: str) -> str:
    """A TOML string; JSON's escapes are all TOML's too, but JSON leaves DEL as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
