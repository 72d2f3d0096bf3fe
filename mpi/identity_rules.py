"""Which blocking rules an identity index keeps postings for.

Every rule costs six bytes or more for each record that has its key, so an index keeps those that
find most for their size. Measured on 49,074 generated records of 20,000 residents in four systems
(true pairs reached so far; entries a record so far):

    name in any order + birth date        93.8 %   1.00
    mother + birth date                   93.9 %   1.01
    id number                             97.7 %   1.93
    phone                                 98.4 %   2.60
    name + prefecture                     98.7 %   3.50
    birth date + surname + prefecture     98.95 %  4.40
    all thirteen shipped rules            98.99 %  8.91

Cards and certificates stand beside them: they cost nothing where nobody has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from blocking.rule_sets import HAN_TEMPLATES, rules_for_roles, rules_from_templates
from blocking.rules import BlockingRule
from person.errors import ConfigError
from person.schema import Schema

__all__ = ["INDEX_RULES", "RULES_MAX", "index_rules"]

INDEX_RULES: Final = (
    "id number",
    "name in any order + birth date",
    "phone",
    "birth date + surname + prefecture",
    "name + prefecture",
    "mother + birth date",
    "identifier + birth year",
)
"""Names of the shipped templates that an index of Chinese residents uses."""

RULES_MAX: Final = 12


def index_rules(
    schema: Schema, chosen: Sequence[BlockingRule | str] | None = None
) -> tuple[BlockingRule, ...]:
    """The rules of a new index.

    Parameters
    ----------
    schema : of the records
    chosen : rules, or names of shipped rules; None for those that find most for their size

    Returns
    -------
    tuple of BlockingRule, at least one

    Raises
    ------
    ConfigError : an unknown name, too many rules, or none that the schema's fields can make
    """
    shipped = rules_for_roles(schema.fields).rules
    if chosen is None:
        templates = [each for each in HAN_TEMPLATES if each.name in INDEX_RULES]
        rules = rules_from_templates(templates, schema.fields).rules or shipped[:RULES_MAX]
    else:
        by_name = {rule.name: rule for rule in shipped}
        unknown = [each for each in chosen if isinstance(each, str) and each not in by_name]
        if unknown:
            raise ConfigError(
                f"no blocking rule is called {unknown[0]!r}; there are {', '.join(by_name)}"
            )
        rules = tuple(by_name[each] if isinstance(each, str) else each for each in chosen)
    if not 1 <= len(rules) <= RULES_MAX:
        raise ConfigError(f"an index keeps 1 to {RULES_MAX} blocking rules, not {len(rules)}")
    return rules
