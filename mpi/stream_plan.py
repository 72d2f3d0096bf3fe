"""What a streamed run reads of a table: a few rules, and the fields that rows are made of.

Whole rows travel from rule to rule on disk, so a row holds what the rules (or the given model)
read, and of the other fields those that fill its last word: 32 bytes for Chinese residents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blocking.rule_sets import RuleChoice, applicable_rules
from blocking.rules import BlockingRule, KeySpec, rules_from_dicts
from blocking.streamed_rules import one_key_rules, streamed_rules
from matching.defaults import default_comparisons
from matching.model import Comparison, Model
from matching.shipped import shipped_model, with_shipped_probabilities
from person.errors import ConfigError
from person.layout import Layout, layout_for
from person.schema import Schema

__all__ = ["StreamPlan", "plan_stream"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPlan:
    """What a streamed run will do.

    Attributes
    ----------
    schema : reduced to the fields that rows hold
    layout : of the rows
    rules : blocking rules, a key a record each
    model : to fit, or as given
    left_out : rules of the schema that have no form with one key a record
    fields_left_out : fields that the input has and no row holds
    notes : what of a given model does not apply
    """

    schema: Schema
    layout: Layout
    rules: tuple[BlockingRule, ...]
    model: Model
    left_out: tuple[str, ...]
    fields_left_out: tuple[str, ...]
    notes: tuple[str, ...]


def plan_stream(schema: Schema, given: Model | None) -> StreamPlan:
    """Choose rules and fields.

    Parameters
    ----------
    schema : as `mpi.ingest.effective_schema` returned it
    given : a model from outside, or None for one that is to be fitted. It brings comparisons and
        lines; its blocking rules are those of the run that made it

    Returns
    -------
    StreamPlan

    Raises
    ------
    ConfigError : no rule fits the fields, or the model compares none of them
    """
    whole = layout_for(schema.fields)
    choice = _rules(schema, whole)
    if not choice.rules:
        raise ConfigError("no blocking rule that gives a record one key fits the input's columns")
    needed = {name for rule in choice.rules for name in _fields_of(rule)}
    comparisons: tuple[str, ...] = ()
    if given is not None:
        usable = tuple(
            each
            for each in given.comparisons
            if all(whole.has(name) for part in each.parts for name in part.fields)
        )
        if not usable:
            raise ConfigError("the input has none of the fields that the model compares")
        needed |= {name for each in usable for part in each.parts for name in part.fields}
        comparisons = tuple(each.name for each in given.comparisons if each not in usable)
    kept = schema.with_fields(_filled_up(schema, needed))
    layout = layout_for(kept.fields)
    rules = applicable_rules(choice.rules, layout.positions).rules
    as_dicts = tuple(rule.to_dict() for rule in rules)
    if given is not None:
        model = given.replace(comparisons=usable, schema=kept, blocking_rules=as_dicts)
    else:
        model = Model(schema=kept, comparisons=_comparisons(kept, layout), blocking_rules=as_dicts)
    held = {each.name for each in kept.fields}
    return StreamPlan(
        schema=kept,
        layout=layout,
        rules=rules,
        model=model,
        left_out=tuple(choice.left_out) if schema.blocking_rules else (),
        fields_left_out=tuple(each.name for each in schema.fields if each.name not in held),
        notes=tuple(f"the model's comparison {name} has no column here" for name in comparisons),
    )


def _rules(schema: Schema, layout: Layout) -> RuleChoice:
    """The schema's own rules, or those that its roles suggest, with one key a record."""
    if not schema.blocking_rules:
        return one_key_rules(streamed_rules(schema.fields).rules, layout)
    own = applicable_rules(rules_from_dicts(schema.blocking_rules), layout.positions)
    choice = one_key_rules(own.rules, layout)
    return RuleChoice(choice.rules, {**own.left_out, **choice.left_out})


def _fields_of(rule: BlockingRule) -> Sequence[str]:
    return [name for key in (*rule.keys, *rule.refine) for name in KeySpec.parse(key).fields]


def _filled_up(schema: Schema, needed: set[str]) -> set[str]:
    """The fields that are needed, and others that make no row longer, identifiers first."""
    chosen = set(needed)
    words = layout_for(schema.with_fields(chosen).fields).n_words
    for each in sorted(schema.fields, key=lambda each: each.kind != "identifier"):
        more = chosen | {each.name}
        if layout_for(schema.with_fields(more).fields).n_words == words:
            chosen = more
    return chosen


def _comparisons(schema: Schema, layout: Layout) -> tuple[Comparison, ...]:
    comparisons = default_comparisons(schema.fields, layout)
    shipped = shipped_model(schema.name)
    if shipped is None:
        return comparisons
    return with_shipped_probabilities(comparisons, shipped) or comparisons
