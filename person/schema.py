"""What a table holds: which column is which field, of which kind.

A schema is authored as a short TOML file (docs/schema.md shows the format) and read in this one
place. The built-in `resident` schema knows the usual Chinese and English column names.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

from person.errors import ConfigError, SchemaMismatchError
from person.kinds import KINDS

__all__ = ["BoundField", "Field", "Schema", "load_schema", "read_schema"]

_HEAD_ENTRIES = {
    "name",
    "record_id",
    "source",
    "id_type",
    "updated_at",
    "duplicate_free_sources",
}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One fact about a person.

    Attributes
    ----------
    name : how rules and comparisons refer to it
    kind : one of `person.kinds.KINDS`
    columns : column names it may have, first present wins; compared without case and blanks
    role : what the fact is (given_name, birth_date ...); default comparisons and rules go by it
    group : fields of one group are correlated and are weighed as one comparison
    options : passed to the kind's encoder
    compare : comparator to use instead of the kind's own
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    role: str = ""
    group: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    compare: str = ""

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ConfigError(f"field name {self.name!r} is not a plain lower-case word")
        if self.kind not in KINDS:
            raise ConfigError(
                f"field {self.name}: unknown kind {self.kind!r}; known: {', '.join(sorted(KINDS))}"
            )
        if not self.columns:
            raise ConfigError(f"field {self.name} names no column")

    def to_dict(self) -> dict[str, Any]:
        result: dict[str, Any] = {"kind": self.kind, "columns": list(self.columns)}
        for key in ("role", "group", "compare"):
            if getattr(self, key):
                result[key] = getattr(self, key)
        if self.options:
            result["options"] = dict(self.options)
        return result


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundField:
    """A field and the columns of one table that hold it (several only for kinds that join)."""

    field: Field
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """A table described: fields, the id and source columns, and its own blocking rules if any.

    `id_type` names the columns that say what document a national id number comes from;
    `updated_at` those that say when the source last touched the record (kept, not compared).
    """

    name: str
    fields: tuple[Field, ...]
    record_id: tuple[str, ...] = ("record_id",)
    source: tuple[str, ...] = ("source",)
    id_type: tuple[str, ...] = ()
    updated_at: tuple[str, ...] = ()
    duplicate_free_sources: tuple[str, ...] = ()
    blocking_rules: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        names = [each.name for each in self.fields]
        if not names:
            raise ConfigError(f"schema {self.name} has no fields")
        repeated = {name for name in names if names.count(name) > 1}
        if repeated:
            raise ConfigError(
                f"schema {self.name} names a field twice: {', '.join(sorted(repeated))}"
            )

    def field(self, name: str) -> Field:
        for each in self.fields:
            if each.name == name:
                return each
        raise ConfigError(
            f"schema {self.name} has no field {name!r}; "
            f"it has {', '.join(each.name for each in self.fields)}"
        )

    def with_fields(self, names: Iterable[str]) -> Schema:
        """The same schema reduced to the named fields, in its own order."""
        kept = set(names)
        return replace(self, fields=tuple(each for each in self.fields if each.name in kept))

    def bind(
        self, column_names: Iterable[str], *, path: str | None = None
    ) -> tuple[BoundField, ...]:
        """Find the column of each field in one table; fields without one are left out.

        Raises
        ------
        SchemaMismatchError : no field has a column, a column name is repeated, or two columns
            claim one field that can have only one
        """
        present = list(column_names)
        by_key = _columns_by_key(present, path)
        bound = []
        for each in self.fields:
            keys = dict.fromkeys(map(_column_key, each.columns))
            found = tuple(name for key in keys for name in by_key.get(key, ()))
            if len(found) > 1 and not KINDS[each.kind].joins_columns:
                raise SchemaMismatchError(
                    f"{_where(path)}columns {' and '.join(found)} both claim the field "
                    f"{each.name}; drop one, or name the right one in a schema file (--schema)",
                    path=path,
                    columns=found,
                )
            if found:
                bound.append(BoundField(field=each, columns=found))
        _refuse_shared_columns(bound, path)
        if not bound:
            raise SchemaMismatchError(
                f"{_where(path)}no column belongs to the schema {self.name!r} "
                f"(columns: {', '.join(present) or 'none'}); describe the table in a schema file: "
                f"mpi schema infer FILE > schema.toml",
                path=path,
                columns=tuple(present),
            )
        return tuple(bound)

    def find_column(self, aliases: Iterable[str], column_names: Iterable[str]) -> str | None:
        by_key = _columns_by_key(list(column_names), None)
        return next((by_key[key][0] for key in map(_column_key, aliases) if key in by_key), None)

    def to_dict(self) -> dict[str, Any]:
        head: dict[str, Any] = {
            "name": self.name,
            "record_id": list(self.record_id),
            "source": list(self.source),
        }
        for key in ("id_type", "updated_at"):
            if getattr(self, key):
                head[key] = list(getattr(self, key))
        if self.duplicate_free_sources:
            head["duplicate_free_sources"] = list(self.duplicate_free_sources)
        result: dict[str, Any] = {
            "schema": head,
            "fields": {each.name: each.to_dict() for each in self.fields},
        }
        if self.blocking_rules:
            result["blocking_rules"] = [dict(rule) for rule in self.blocking_rules]
        return result

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Schema:
        head = _table(raw, "schema") if "schema" in raw else {}
        fields = _table(raw, "fields")
        unknown = set(raw) - {"schema", "fields", "blocking_rules"}
        unknown |= {f"schema.{key}" for key in set(head) - _HEAD_ENTRIES}
        if unknown:
            raise ConfigError(f"schema: unknown entries {', '.join(sorted(unknown))}")
        rules = raw.get("blocking_rules", ())
        is_list = isinstance(rules, (list, tuple))
        if not is_list or not all(isinstance(rule, Mapping) for rule in rules):
            raise ConfigError("schema: write each rule as [[blocking_rules]]")
        return cls(
            name=str(head.get("name", "table")),
            fields=tuple(_field_from_dict(name, value) for name, value in fields.items()),
            record_id=_strings(head.get("record_id", "record_id"), "schema.record_id"),
            source=_strings(head.get("source", "source"), "schema.source"),
            id_type=_strings(head.get("id_type", ()), "schema.id_type"),
            updated_at=_strings(head.get("updated_at", ()), "schema.updated_at"),
            duplicate_free_sources=_strings(
                head.get("duplicate_free_sources", ()), "schema.duplicate_free_sources"
            ),
            blocking_rules=tuple(rules),
        )


def read_schema(path: str | Path) -> Schema:
    """Read a schema TOML file; ConfigError says what is wrong with it."""
    try:
        raw = tomllib.loads(Path(path).read_text("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"schema file {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"schema file {path} is not valid TOML: {error}") from error
    return Schema.from_dict(raw)


def load_schema(schema: Schema | str | Path | None = None) -> Schema:
    """A schema from what a caller may give: a Schema, 'resident', a path, or None for resident."""
    if isinstance(schema, Schema):
        return schema
    if schema is None or schema == "resident":
        text = resources.files("person").joinpath("schemas/resident.toml").read_text("utf-8")
        return Schema.from_dict(tomllib.loads(text))
    return read_schema(schema)


def _field_from_dict(name: str, raw: Any) -> Field:
    if not isinstance(raw, Mapping):
        raise ConfigError(f"fields.{name} must be a table with a kind")
    unknown = set(raw) - {"kind", "columns", "column", "role", "group", "options", "compare"}
    if unknown:
        raise ConfigError(f"fields.{name}: unknown entries {', '.join(sorted(unknown))}")
    if "kind" not in raw:
        raise ConfigError(f"fields.{name} has no kind; known: {', '.join(sorted(KINDS))}")
    if not isinstance(raw.get("options", {}), Mapping):
        raise ConfigError(f"fields.{name}.options must be a table, such as {{ characters = 20 }}")
    return Field(
        name=name,
        kind=str(raw["kind"]),
        columns=_strings(raw.get("columns", raw.get("column", name)), f"fields.{name}.columns"),
        role=str(raw.get("role", "")),
        group=str(raw.get("group", "")),
        options=dict(raw.get("options", {})),
        compare=str(raw.get("compare", "")),
    )


def _column_key(name: str) -> str:
    return re.sub(r"[\s_\-]+", "", name.strip().lstrip("\ufeff")).casefold()


def _columns_by_key(present: list[str], path: str | None) -> dict[str, list[str]]:
    by_key: dict[str, list[str]] = {}
    for name in present:
        names = by_key.setdefault(_column_key(name), [])
        if name in names:
            raise SchemaMismatchError(
                f"{_where(path)}the column {name} stands twice; rename or drop one of them",
                path=path,
                columns=(name,),
            )
        names.append(name)
    return by_key


def _refuse_shared_columns(bound: Iterable[BoundField], path: str | None) -> None:
    """One column as two fields would count one agreement twice."""
    owner: dict[str, str] = {}
    for each in bound:
        for column in each.columns:
            if column in owner:
                raise SchemaMismatchError(
                    f"{_where(path)}the fields {owner[column]} and {each.field.name} both read "
                    f"the column {column}; let one of them go",
                    path=path,
                    columns=(column,),
                )
            owner[column] = each.field.name


def _where(path: str | None) -> str:
    return f"{path}: " if path else ""


def _table(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = raw.get(key)
    if not isinstance(value, Mapping):
        raise ConfigError(f"schema: a [{key}] table is needed")
    return value


def _strings(value: Any, where: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
        return tuple(value)
    raise ConfigError(f"{where} must be a text or a list of texts")
