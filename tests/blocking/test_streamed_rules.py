"""Rules of a streamed run give a record one key, and each table its own few."""

from __future__ import annotations

from blocking.keys import resolve_rules
from blocking.rules import BlockingRule
from blocking.streamed_rules import one_key_rules, streamed_rules
from person.layout import layout_for
from person.schema import load_schema


def test_residents_have_five_rules_of_one_key() -> None:
    """What SpilledRunner asks for: no rule multiplies a row."""
    schema = load_schema("resident")
    rules = streamed_rules(schema.fields).rules
    resolved = resolve_rules(rules, layout_for(schema.fields))
    assert 5 == len(rules)
    assert {1} == {len(each.variants) for each in resolved.rules}


def test_of_several_phones_the_first_makes_the_key() -> None:
    """A rule for any phone becomes one for the first; others stay as they are."""
    layout = layout_for(load_schema("resident").fields)
    rules = [
        BlockingRule("any phone", ("phone", "name:surname_syllable"), ("birth_date",), 77),
        BlockingRule("number", ("id_number",)),
    ]
    choice = one_key_rules(rules, layout)
    assert [("phone:first", "name:surname_syllable"), ("id_number",)] == [
        each.keys for each in choice.rules
    ]
    assert (("birth_date",), 77) == (choice.rules[0].refine, choice.rules[0].block_size_max)
    assert {} == choice.left_out


def test_a_rule_without_a_one_key_form_is_left_out_by_name() -> None:
    """Name or former name are two keys, and neither may be dropped in silence."""
    layout = layout_for(load_schema("resident").fields)
    rule = BlockingRule("renamed", ("name+former_name:either", "birth_date"))
    choice = one_key_rules([rule], layout)
    assert ((), {"renamed": ("name+former_name:either",)}) == (choice.rules, choice.left_out)
