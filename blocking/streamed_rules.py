"""Blocking rules for rows that travel on disk: few of them, and one key a record each.

Every rule writes and reads all rows once (`blocking.spilled`), so a rule costs as much as it does
however few pairs it brings; and a row lies in one file, so a record has one key. The sets here
are the rules of `rule_sets` that find most, none of whose blocks grows faster than the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from blocking.keys import resolve_rules
from blocking.rule_sets import (
    WESTERN_TEMPLATES,
    RoleField,
    RuleChoice,
    RuleTemplate,
    rules_for_roles,
    rules_from_templates,
)
from blocking.rules import BlockingRule, KeySpec
from person.records import RecordLayout

__all__ = ["STREAMED_HAN_TEMPLATES", "one_key_rules", "streamed_rules"]

STREAMED_HAN_TEMPLATES: Final = (
    RuleTemplate("id number", ("national_id",), ("han_name:syllables", "birth_date")),
    RuleTemplate(
        "name + birth date",
        ("han_name:syllables", "birth_date"),
        ("region:prefecture", "sex", "region"),
        300,
    ),
    RuleTemplate(
        "phone + surname",
        ("phone:first", "han_name:surname_syllable"),
        ("han_name:given_syllables", "birth_date"),
        100,
    ),
    RuleTemplate(
        "birth date + surname + county",
        ("birth_date", "han_name:surname_syllable", "region"),
        ("han_name:given_syllables", "sex"),
        200,
    ),
    RuleTemplate(
        "name + county + birth year",
        ("han_name:syllables", "region", "birth_date:year"),
        ("birth_date:month_day",),
        200,
    ),
)
"""For tables with a Han name."""

_WESTERN: Final = frozenset(
    {
        "identifier",
        "id number",
        "both names",
        "full name",
        "given name + birth date",
        "surname + birth date",
        "full name start + birth date",
        "surname sound + birth year",
        "phone",
        "name starts + postcode",
    }
)
"""Names of the WESTERN_TEMPLATES that a streamed run takes."""


def streamed_rules(fields: Iterable[RoleField]) -> RuleChoice:
    """Rules for a streamed run, chosen by the roles and kinds of a table's fields.

    Parameters
    ----------
    fields : the schema's fields that the table holds

    Returns
    -------
    RuleChoice, as of `rules_for_roles`
    """
    fields = tuple(fields)
    has_han_name = any(each.kind == "han_name" for each in fields)
    western = [each for each in WESTERN_TEMPLATES if each.name in _WESTERN]
    choice = rules_from_templates(STREAMED_HAN_TEMPLATES if has_han_name else western, fields)
    return choice if choice.rules else rules_for_roles(fields)


def one_key_rules(rules: Sequence[BlockingRule], layout: RecordLayout) -> RuleChoice:
    """The same rules with one key a record: of several phones the first.

    Parameters
    ----------
    rules : as authored
    layout : where their fields lie

    Returns
    -------
    RuleChoice; a rule that has no such form is left out, with the keys that stand in the way
    """
    chosen: list[BlockingRule] = []
    left_out: dict[str, tuple[str, ...]] = {}
    for rule in rules:
        many = [key for key in rule.keys if _variants(rule, key, layout) > 1]
        firsts = {key: _first_of(key, layout) for key in many}
        if None in firsts.values():
            left_out[rule.name] = tuple(key for key, first in firsts.items() if first is None)
            continue
        keys = [firsts.get(key) or key for key in rule.keys]
        chosen.append(BlockingRule.from_dict({**rule.to_dict(), "keys": keys}))
    return RuleChoice(tuple(chosen), left_out)


def _variants(rule: BlockingRule, key: str, layout: RecordLayout) -> int:
    alone = BlockingRule(rule.name, (key,))
    return len(resolve_rules([alone], layout).rules[0].variants)


def _first_of(key: str, layout: RecordLayout) -> str | None:
    spec = KeySpec.parse(key)
    if len(spec.fields) == 1 and layout.kind(spec.fields[0]) == "phone":
        return str(KeySpec(spec.fields, "first", ""))
    return None
