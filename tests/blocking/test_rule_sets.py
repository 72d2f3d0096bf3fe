"""Shipped rules fit the layouts they are for, and survive each kind of slip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import person.schema as schema_module
from blocking import BlockingRule, applicable_rules, resident_rules, rules_for_roles
from blocking.keys import resolve_rules
from person.han import han_tables
from person.layout import layout_for
from person.phone_kernels import phone_tag
from person.schema import Field, read_schema
from tests.blocking.naive import block_keys, pack_date, pack_text, put

SCHEMA = read_schema(Path(schema_module.__file__).with_name("schemas") / "resident.toml")
RESIDENT = layout_for(SCHEMA.fields)
FEBRL = {
    "given_name": "latin_name",
    "surname": "latin_name",
    "street_number": "category",
    "address_1": "text",
    "suburb": "latin_name",
    "postcode": "category",
    "state": "category",
    "date_of_birth": "date",
    "soc_sec_id": "identifier",
}


def _western_fields(kinds: dict[str, str]) -> list[Field]:
    return [Field(name=name, kind=kind, columns=(name,)) for name, kind in kinds.items()]


def test_resident_rules_fit_the_resident_layout() -> None:
    """At least 8 rules; every key is one the resident layout can make."""
    rules = resident_rules()
    assert len(rules) >= 8
    assert len(rules) == len({rule.name for rule in rules})
    assert len(rules) == len(resolve_rules(rules, RESIDENT).rules)


def test_resident_rules_are_those_of_the_schemas_roles() -> None:
    """A table with all resident columns gets the same rules by its roles."""
    choice = rules_for_roles(SCHEMA.fields)
    assert resident_rules() == choice.rules
    assert {} == choice.left_out


def test_rules_of_absent_fields_are_left_out_by_name() -> None:
    """Without an id number its rules are gone, and said to be; refining keys go quietly."""
    present = {"name", "birth_date", "phone"}
    choice = applicable_rules(resident_rules(), present)
    assert all(rule.fields <= present for rule in choice.rules)
    assert ("id_number",) == choice.left_out["id number"]
    assert len(resident_rules()) == len(choice.rules) + len(choice.left_out)


def test_western_tables_get_rules_by_role_or_name() -> None:
    """FEBRL's columns are enough for identifier, names, dates, places and streets."""
    fields = _western_fields(FEBRL)
    choice = rules_for_roles(fields)
    names = {rule.name for rule in choice.rules}
    assert {"soc_sec_id", "both names", "surname + birth date", "house + street"} <= names
    assert "phone" in choice.left_out
    resolve_rules(choice.rules, layout_for(fields))


def test_every_identifier_gets_its_own_rule() -> None:
    """Two identifiers are two rules."""
    fields = _western_fields({"ssn": "identifier", "card": "identifier", "surname": "latin_name"})
    keys = {rule.keys for rule in rules_for_roles(fields).rules}
    assert {("ssn",), ("card",)} <= keys


def test_a_table_of_unknown_roles_still_gets_rules() -> None:
    """Where no template fits, each telling field is a rule of its own."""
    fields = _western_fields({"colour": "category", "sex": "gender"})
    assert (BlockingRule("colour", ("colour",)),) == rules_for_roles(fields).rules


def _resident_row(**changes: object) -> np.ndarray:
    values: dict[str, object] = {
        "name": "张小红",
        "id_number": 0x1101050198004013,
        "birth_date": (1980, 4, 3),
        "gender": 2,
        "phone": 13_812_345_678,
        "region_code": 110105,
        **changes,
    }
    rows = np.zeros((1, RESIDENT.n_words), np.uint64)
    units = [int(han_tables().code_units[ord(c)]) & 0x7FFF for c in str(values["name"] or "")]
    word = sum(unit << (45 - 15 * at) for at, unit in enumerate(units))
    put(rows, RESIDENT, "name", 0, word | 1 << 60 if word else 0)
    put(rows, RESIDENT, "id_number", 0, int(values["id_number"]), 1)  # type: ignore[call-overload]
    date = values["birth_date"]
    put(rows, RESIDENT, "birth_date", 0, pack_date(*date) if date else 0)  # type: ignore[misc]
    phone = values["phone"]
    first, second = phone if isinstance(phone, tuple) else (phone, 0)
    put(rows, RESIDENT, "phone", 0, first, second)  # type: ignore[arg-type]
    for field in ("gender", "region_code"):
        put(rows, RESIDENT, field, 0, int(values[field]))  # type: ignore[call-overload]
    return rows[0]


NO_ID = {"id_number": 0}
MOVED = {"phone": 13_900_000_001, "region_code": 440106}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"id_number": 0, **MOVED}, id="id missing, moved, new phone"),
        pytest.param({"id_number": 0x1101050198004014, **MOVED}, id="id one digit"),
        pytest.param({"id_number": 0x4401060195107092, **MOVED}, id="someone else's id"),
        pytest.param({"name": "章晓宏", **NO_ID, **MOVED}, id="homophones"),
        pytest.param({"name": "张孝洪", **NO_ID, **MOVED}, id="other tones"),
        pytest.param({"name": "臧小红", **NO_ID, **MOVED}, id="fuzzy sound"),
        pytest.param({"name": "小红张", **NO_ID, **MOVED}, id="surname last"),
        pytest.param({"name": "张小江", **NO_ID}, id="similar shape"),
        pytest.param({"name": "张小", **NO_ID}, id="missing character"),
        pytest.param({"name": "张小红红", **NO_ID}, id="extra character"),
        pytest.param({"name": "李小红", **NO_ID, **MOVED}, id="surname changed"),
        pytest.param({"birth_date": (1980, 3, 4), **NO_ID, **MOVED}, id="day and month swapped"),
        pytest.param({"birth_date": (1980, 2, 18), **NO_ID}, id="lunar date"),
        pytest.param({"birth_date": (1981, 4, 3), **NO_ID}, id="year off"),
        pytest.param({"birth_date": (1980, 1, 1), **NO_ID}, id="01-01"),
        pytest.param({"birth_date": None, **NO_ID}, id="birth date missing"),
        pytest.param({"gender": 1, **NO_ID, **MOVED}, id="sex wrong"),
        pytest.param({"name": None, "birth_date": None, **NO_ID}, id="no name, only a phone"),
        pytest.param(
            {
                "phone": (13_900_000_001, int(phone_tag(13_812_345_678))),
                "birth_date": (1981, 1, 1),
                "region_code": 440106,
                **NO_ID,
            },
            id="old phone beside the new one",
        ),
        pytest.param(
            {"id_number": 0x1101050198004031, "birth_date": (1980, 1, 1), **MOVED},
            id="id digits swapped and birth date wrong",
        ),
        pytest.param(
            {"id_number": 0x1201050198004013, "name": "张小江", "gender": 1, **MOVED},
            id="id region digit and name wrong",
        ),
    ],
)
def test_each_slip_leaves_a_rule_that_finds_the_record(changes: dict[str, object]) -> None:
    """One person's two records share a key of some resident rule, whatever went wrong."""
    rows = np.stack([_resident_row(), _resident_row(**changes)])
    keys = block_keys(rows, RESIDENT, resident_rules())
    found = [
        rule.name
        for rule, (left, right) in zip(resident_rules(), keys, strict=True)
        if left & right
    ]
    assert found


def test_a_former_name_meets_the_name_once_used() -> None:
    """A renamed person's former name, of which a hash is kept, meets the old record's name."""
    from person.hashing import hash_columns

    old = _resident_row(**NO_ID)
    new = np.stack([_resident_row(name="李建国", **NO_ID, **MOVED)])
    word, shift, _ = RESIDENT.slots("name")[0].tolist()
    units = np.array([(old[word] >> np.uint64(shift))], np.uint64)
    put(new, RESIDENT, "former_name", 0, int(hash_columns([units], 20)[0]))
    keys = block_keys(np.stack([old, new[0]]), RESIDENT, resident_rules())
    names = [rule.name for rule in resident_rules()]
    left, right = keys[names.index("name or former name + birth date")]
    assert left & right


def test_swapped_western_names_meet() -> None:
    """Given name and surname in each other's column share a key."""
    fields = _western_fields({"given_name": "latin_name", "surname": "latin_name"})
    layout = layout_for(fields)
    rows = np.zeros((2, layout.n_words), np.uint64)
    for row, (given_name, surname) in enumerate([("james", "bond"), ("bond", "james")]):
        put(rows, layout, "given_name", row, *pack_text(given_name, 2))
        put(rows, layout, "surname", row, *pack_text(surname, 2))
    rules = rules_for_roles(fields).rules
    keys = block_keys(rows, layout, rules)
    assert any(left & right for left, right in keys)
