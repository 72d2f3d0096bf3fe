"""Shipped blocking rules, as data.

A template names roles ("surname:soundex"), which a table's own fields take the place of; a rule
whose roles a table lacks is left out, by name. Each template says which slip it survives: the
sets are made so that every single slip we know of, and most pairs of slips, leaves a record at
least one rule that still finds its duplicate.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final, Protocol

from blocking.rules import DEFAULT_BLOCK_SIZE_MAX, BlockingRule, KeySpec

__all__ = [
    "HAN_TEMPLATES",
    "WESTERN_TEMPLATES",
    "RuleChoice",
    "RuleTemplate",
    "applicable_rules",
    "resident_rules",
    "rules_for_roles",
    "rules_from_templates",
]


@dataclass(frozen=True, slots=True)
class RuleTemplate:
    """A rule over roles instead of fields."""

    name: str
    keys: tuple[str, ...]
    refine: tuple[str, ...] = ()
    block_size_max: int = DEFAULT_BLOCK_SIZE_MAX


@dataclass(frozen=True, slots=True)
class RuleChoice:
    """Rules that fit a table, and those that do not: name -> the roles or fields it lacks."""

    rules: tuple[BlockingRule, ...]
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class RoleField(Protocol):
    """What is read of a schema's field."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def options(self) -> Mapping[str, Any]: ...


HAN_TEMPLATES: Final = (
    # Survives every slip but those in the number itself.
    RuleTemplate("id number", ("national_id",), ("han_name:syllables", "birth_date")),
    # Number missing, mistyped or someone else's; name written with homophones, in another tone,
    # in a fuzzy accent, traditional, in pinyin, or surname last; day and month swapped.
    RuleTemplate(
        "name in any order + birth date",
        ("han_name:sorted_fuzzy_syllables", "birth_date:day_month_sorted"),
        ("region:prefecture", "sex", "region"),
        300,
    ),
    # Name, number and birth date all doubtful: emergencies, newborns.
    RuleTemplate("phone", ("phone:first",), ("han_name:syllables", "birth_date"), 200),
    # Similar shape, missing or extra character, cut long name: anything wrong in the given name.
    RuleTemplate(
        "birth date + surname + prefecture",
        ("birth_date", "han_name:surname_syllable", "region:prefecture"),
        ("han_name:given_syllables", "sex", "region"),
        300,
    ),
    # Birth date missing, lunar, a year off or 01-01.
    RuleTemplate(
        "name + prefecture",
        ("han_name:syllables", "region:prefecture"),
        ("birth_date:year", "region", "birth_date:month_day"),
        300,
    ),
    # The number of either phone: one of several, or an old one beside the new.
    RuleTemplate(
        "any phone + surname",
        ("phone", "han_name:surname_syllable"),
        ("birth_date:year", "han_name:given_syllables"),
        200,
    ),
    # A slip in the last or the first half of the number, beside a move or a lost phone.
    RuleTemplate(
        "id first half + name",
        ("national_id:first_half", "han_name:syllables"),
        ("national_id:birth_date", "birth_date:year"),
        300,
    ),
    RuleTemplate(
        "id last half + surname + birth year",
        ("national_id:last_half", "han_name:surname_syllable", "birth_date:year"),
        ("han_name:given_syllables", "region:prefecture"),
        300,
    ),
    # Surname wrong or changed, and moved away.
    RuleTemplate(
        "birth date + given name + sex",
        ("birth_date", "han_name:given_syllables", "sex"),
        ("region:prefecture", "han_name:surname_syllable"),
        200,
    ),
    # Renamed.
    RuleTemplate(
        "name or former name + birth date",
        ("han_name+former_name:either", "birth_date"),
        ("region:prefecture", "sex"),
        300,
    ),
    # Cards and certificates; only a hash of them may be kept, so a birth year stands beside.
    RuleTemplate(
        "identifier + birth year", ("identifier", "birth_date:year"), ("han_name:syllables",), 200
    ),
    # Newborns, named after the mother or not yet; twins meet too and are told apart later.
    RuleTemplate("mother + birth date", ("mother_id", "birth_date"), ("han_name:syllables",), 200),
)
"""For tables with a Han name: the resident schema, and any schema with a han_name field."""

_NAME_REFINE: Final = ("birth_date", "postcode", "given_name", "place")

WESTERN_TEMPLATES: Final = (
    RuleTemplate("identifier", ("identifier",), ("surname", "given_name", "birth_date"), 200),
    RuleTemplate("id number", ("national_id",), ("surname", "given_name", "birth_date"), 200),
    # Number missing; given name and surname swapped.
    RuleTemplate("both names", ("given_name+surname:unordered",), _NAME_REFINE, 300),
    RuleTemplate("full name", ("full_name:sorted_tokens",), ("birth_date", "postcode"), 300),
    # A slip, a nickname or a marriage in one of the names.
    RuleTemplate("given name + birth date", ("given_name", "birth_date"), ("place", "sex"), 300),
    RuleTemplate("surname + birth date", ("surname", "birth_date"), ("place", "sex"), 300),
    RuleTemplate(
        "full name start + birth date", ("full_name:first:4", "birth_date"), ("place", "sex"), 300
    ),
    RuleTemplate("full name end + birth date", ("full_name:last:4", "birth_date"), ("place",), 300),
    # Slips in both names.
    RuleTemplate("birth date + postcode", ("birth_date", "postcode"), ("sex",), 300),
    RuleTemplate("birth date + place", ("birth_date", "place"), ("sex", "street"), 200),
    # Day or month of birth wrong or swapped, surname misspelt.
    RuleTemplate(
        "surname sound + birth year",
        ("surname:soundex", "birth_date:year"),
        ("given_name:first:1", "postcode", "birth_date:month_day"),
        200,
    ),
    RuleTemplate(
        "given name sound + birth date, day and month in any order",
        ("given_name:soundex", "birth_date:day_month_sorted"),
        ("surname:first:1", "place"),
        200,
    ),
    RuleTemplate("phone", ("phone:first",), ("given_name", "surname", "full_name"), 200),
    RuleTemplate("any phone + surname", ("phone", "surname:first:2"), ("given_name",), 200),
    # Birth date missing or wrong in every part.
    RuleTemplate(
        "name starts + postcode",
        ("given_name:first:3", "surname:first:3", "postcode"),
        ("birth_date:year", "street"),
        300,
    ),
    RuleTemplate(
        "name sounds", ("given_name:soundex", "surname:soundex"), ("place", "birth_date:year"), 200
    ),
    RuleTemplate("full name start + postcode", ("full_name:first:4", "postcode"), ("street",), 300),
    RuleTemplate(
        "full name start + birth year", ("full_name:first:3", "birth_date:year"), ("postcode",), 200
    ),
    # Both names in doubt, birth date missing.
    RuleTemplate(
        "house + street", ("house_number", "street"), ("given_name:first:1", "birth_date:year"), 100
    ),
    RuleTemplate(
        "address + surname start", ("address:numbers", "surname:first:1"), ("given_name",), 100
    ),
    # Married, divorced, renamed.
    RuleTemplate(
        "surname or former surname + given name",
        ("surname+former_name:either", "given_name"),
        ("birth_date:year", "postcode"),
        200,
    ),
    RuleTemplate("national id birth date + name", ("national_id:birth_date", "surname"), (), 200),
)
"""For any other table of people."""

_TEXT: Final = ("latin_name", "text", "category", "identifier")
_ROLES: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    # role in templates -> roles or names it goes by in schemas, kinds it may have
    "han_name": (("full_name", "name", "person_name"), ("han_name",)),
    "full_name": (("full_name", "name", "person_name"), ("latin_name", "text")),
    "given_name": (("given_name", "first_name", "forename"), _TEXT),
    "surname": (("surname", "last_name", "family_name"), _TEXT),
    "former_name": (
        ("former_name", "maiden_name", "former_surname", "birth_name"),
        ("han_name", "latin_name"),
    ),
    "birth_date": (("birth_date", "date_of_birth", "dob"), ("date",)),
    "sex": (("sex", "gender"), ("gender", "category")),
    "phone": (("phone", "telephone", "mobile"), ("phone",)),
    "national_id": (("national_id", "id_number"), ("national_id",)),
    "mother_id": (("mother_id", "mother_id_number"), ("national_id", "identifier")),
    "identifier": (("identifier", "ssn", "email", "phone", "telephone"), ("identifier",)),
    "region": (("region", "region_code"), ("region",)),
    "postcode": (("postcode", "post_code", "zip", "zipcode", "postal_code"), _TEXT),
    "place": (("place", "suburb", "city", "town", "birth_place", "locality"), _TEXT),
    "street": (("street", "street_name", "address_1", "address", "street_address"), _TEXT),
    "house_number": (("house_number", "street_number"), _TEXT),
    "address": (("address", "street_address"), ("address",)),
}
_MANY: Final = frozenset({"identifier"})
_HASHED: Final = "hashed"

_RESIDENT_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "han_name": ("name",),
    "national_id": ("id_number",),
    "birth_date": ("birth_date",),
    "sex": ("gender",),
    "phone": ("phone",),
    "region": ("region_code",),
    "former_name": ("former_name",),
    "identifier": ("health_card", "birth_certificate"),
    "mother_id": ("mother_id_number",),
}


def resident_rules() -> tuple[BlockingRule, ...]:
    """Rules of the resident schema, all its fields present; see `applicable_rules`."""
    return _expand(HAN_TEMPLATES, _RESIDENT_FIELDS).rules


def rules_for_roles(fields: Iterable[RoleField]) -> RuleChoice:
    """Rules for a table, chosen by the roles and kinds of its fields.

    Parameters
    ----------
    fields : the schema's fields that the table holds

    Returns
    -------
    RuleChoice; where no template fits, a rule for each field that can tell people apart
    """
    fields = tuple(fields)
    by_role = _fields_by_role(fields)
    templates = HAN_TEMPLATES if by_role["han_name"] else WESTERN_TEMPLATES
    hashed = {each.name for each in fields if _HASHED in each.options}
    choice = _expand(templates, {role: names for role, names in by_role.items() if names}, hashed)
    if choice.rules:
        return choice
    alone = (each for each in fields if each.kind not in ("gender", "region"))
    return RuleChoice(
        tuple(BlockingRule(each.name, (each.name,)) for each in alone), choice.left_out
    )


def rules_from_templates(
    templates: Sequence[RuleTemplate], fields: Iterable[RoleField]
) -> RuleChoice:
    """The rules of some templates that a table's fields can make."""
    fields = tuple(fields)
    by_role = {role: names for role, names in _fields_by_role(fields).items() if names}
    return _expand(templates, by_role, {each.name for each in fields if _HASHED in each.options})


def _fields_by_role(fields: Sequence[RoleField]) -> dict[str, tuple[str, ...]]:
    by_role = {
        role: tuple(each.name for each in fields if _plays(each, names, kinds))
        for role, (names, kinds) in _ROLES.items()
    }
    # Any field of kind identifier identifies, whatever its role says, unless it is a phone's.
    taken = {name for role, names in by_role.items() if role != "identifier" for name in names}
    by_role["identifier"] = tuple(
        each.name for each in fields if each.kind == "identifier" and each.name not in taken
    )
    return by_role


def applicable_rules(rules: Sequence[BlockingRule], field_names: Collection[str]) -> RuleChoice:
    """Rules whose keys the fields at hand can make; refining keys they cannot are dropped."""
    chosen: list[BlockingRule] = []
    left_out: dict[str, tuple[str, ...]] = {}
    for rule in rules:
        missing = sorted(_fields_of(rule.keys) - set(field_names))
        if missing:
            left_out[rule.name] = tuple(missing)
            continue
        refine = tuple(key for key in rule.refine if _fields_of((key,)) <= set(field_names))
        chosen.append(BlockingRule.from_dict({**rule.to_dict(), "refine": refine}))
    return RuleChoice(tuple(chosen), left_out)


def _plays(each: RoleField, names: tuple[str, ...], kinds: tuple[str, ...]) -> bool:
    return (each.role or each.name) in names and each.kind in kinds


def _fields_of(keys: Iterable[str]) -> set[str]:
    return {name for key in keys for name in KeySpec.parse(key).fields}


def _expand(
    templates: Sequence[RuleTemplate],
    by_role: Mapping[str, tuple[str, ...]],
    hashed: Collection[str] = (),
) -> RuleChoice:
    rules: list[BlockingRule] = []
    left_out: dict[str, tuple[str, ...]] = {}
    for template in templates:
        roles = sorted(_fields_of(template.keys))
        missing = tuple(role for role in roles if role not in by_role)
        if missing:
            left_out[template.name] = missing
            continue
        choices = [by_role[role] if role in _MANY else by_role[role][:1] for role in roles]
        for names in product(*choices):
            fields = dict(zip(roles, names, strict=True))
            keys = [_key_of_fields(key, fields, hashed) for key in template.keys]
            if None in keys:
                left_out[template.name] = tuple(name for name in names if name in hashed)
                continue
            for role, present in by_role.items():
                fields.setdefault(role, present[0])
            refine = [
                text
                for key in template.refine
                if _fields_of((key,)) <= set(fields)
                and (text := _key_of_fields(key, fields, hashed)) is not None
                and text not in keys
            ]
            # A rule for each of several identifiers is called by the identifier's field.
            called = {role: fields[role] for role in roles if role in _MANY}
            name = " ".join(called.get(word, word) for word in template.name.split(" "))
            rules.append(
                BlockingRule(
                    name, tuple(str(key) for key in keys), tuple(refine), template.block_size_max
                )
            )
    return RuleChoice(tuple(rules), left_out)


def _key_of_fields(key: str, fields: Mapping[str, str], hashed: Collection[str]) -> str | None:
    """A template's key with fields for roles; None where only a hash of the field is kept."""
    spec = KeySpec.parse(key)
    names = tuple(fields[role] for role in spec.fields)
    needs_whole = spec.transform not in ("value", "unordered", "either")
    if any(name in hashed for name in names) and needs_whole:
        return None
    return str(KeySpec(names, spec.transform, spec.argument))
