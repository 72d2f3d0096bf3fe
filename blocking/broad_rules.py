"""Broad rules for western tables, run where a table is small enough to afford them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from blocking.rule_sets import RoleField, RuleTemplate, rules_from_templates
from blocking.rules import BlockingRule

__all__ = ["BROAD_TEMPLATES", "broad_rules_for_roles"]

_REFINE: Final = ("birth_date:year", "given_name:first:1", "surname:first:1", "postcode", "place")

BROAD_TEMPLATES: Final = (
    # Both names, the place and the number in doubt.
    RuleTemplate("birth date alone", ("birth_date",), _REFINE, 200),
    RuleTemplate("month and day of birth + sex", ("birth_date:month_day", "sex"), _REFINE, 100),
    RuleTemplate(
        "year and month of birth + given name start",
        ("birth_date:year_month", "given_name:first:1"),
        _REFINE,
        200,
    ),
    RuleTemplate(
        "year and month of birth + surname start",
        ("birth_date:year_month", "surname:first:1"),
        _REFINE,
        200,
    ),
    RuleTemplate(
        "month and day of birth + given name start",
        ("birth_date:month_day", "given_name:first:1"),
        _REFINE,
        200,
    ),
    RuleTemplate(
        "month and day of birth + surname start",
        ("birth_date:month_day", "surname:first:1"),
        _REFINE,
        200,
    ),
    # A slip in the number: one of its ends is still right.
    RuleTemplate("identifier start", ("identifier:first:4",), _REFINE, 200),
    RuleTemplate("identifier end", ("identifier:last:4",), _REFINE, 200),
    # Everything but one name in doubt.
    RuleTemplate("surname alone", ("surname",), _REFINE, 200),
    RuleTemplate("given name alone", ("given_name",), _REFINE, 200),
    RuleTemplate("surname sound", ("surname:soundex",), _REFINE, 200),
    RuleTemplate("surname start", ("surname:first:3",), _REFINE, 200),
    RuleTemplate("surname end", ("surname:last:3",), _REFINE, 200),
    RuleTemplate("given name start", ("given_name:first:3",), _REFINE, 200),
    RuleTemplate("given name end", ("given_name:last:3",), _REFINE, 200),
    RuleTemplate("full name start", ("full_name:first:3",), _REFINE, 200),
    RuleTemplate("full name end", ("full_name:last:3",), _REFINE, 200),
    RuleTemplate(
        "given name sound + birth year", ("given_name:soundex", "birth_date:year"), _REFINE, 200
    ),
    RuleTemplate("both name starts", ("given_name:first:1", "surname:first:2"), _REFINE, 200),
    # The address.
    RuleTemplate("street words", ("street:sorted_tokens",), _REFINE, 200),
    RuleTemplate("street start", ("street:first:5",), _REFINE, 200),
    RuleTemplate("postcode + house number", ("postcode", "house_number"), _REFINE, 200),
    RuleTemplate("postcode + given name start", ("postcode", "given_name:first:1"), _REFINE, 200),
    RuleTemplate("postcode + surname start", ("postcode", "surname:first:1"), _REFINE, 200),
    RuleTemplate("postcode + birth year", ("postcode", "birth_date:year"), _REFINE, 200),
    RuleTemplate("place + given name start", ("place", "given_name:first:2"), _REFINE, 200),
    RuleTemplate("place + surname start", ("place", "surname:first:2"), _REFINE, 200),
)


def broad_rules_for_roles(fields: Iterable[RoleField]) -> tuple[BlockingRule, ...]:
    """The broad rules whose roles a table has; see `blocking.plan` for which are run."""
    return rules_from_templates(BROAD_TEMPLATES, fields).rules
