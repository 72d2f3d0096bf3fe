"""What a job works on: its options, its encoded records, the model and rules that apply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from blocking.broad_rules import broad_rules_for_roles
from blocking.plan import RulePlan, plan_rules
from blocking.rule_sets import applicable_rules, rules_for_roles
from blocking.rules import BlockingRule, rules_from_dicts
from matching.defaults import default_comparisons
from matching.model import Model, read_model
from matching.shipped import shipped_model, with_shipped_probabilities
from mpi.ingest import Ingested, effective_schema, ingest
from mpi.progress import Progress
from mpi.tables import InputSet
from mpi.train_run import PairSpace, pair_space
from mpi.units import parse_bytes
from person.errors import ConfigError
from person.schema import Schema, load_schema
from person.store import EncodedStore

__all__ = ["CLUSTERINGS", "JobOptions", "Prepared", "prepare"]

CLUSTERINGS: Final = ("constrained", "components", "one_to_one")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions:
    """How a job runs.

    Attributes
    ----------
    schema, model : what a caller gave, or None
    memory : budget such as '8GiB'
    seed : of everything random
    clustering : one of CLUSTERINGS
    strict : refuse the input if any row cannot be used
    overwrite : replace an earlier result in the output directory
    approximate : also look for pairs that share no key, among the records still unlinked
    resume : go on from what a killed run with the same output had finished
    index : identity index that takes the outcome; made if it is not there
    digest_key : key file of an index that keeps identifiers as keyed digests
    stream : carry rows from rule to rule on disk and keep no link: for tables beyond memory
    """

    schema: Schema | str | Path | None = None
    model: Model | str | Path | None = None
    memory: str | int = "8GiB"
    seed: int = 0
    clustering: str = "constrained"
    strict: bool = False
    overwrite: bool = False
    approximate: bool = False
    resume: bool = False
    index: str | Path | None = None
    digest_key: str | Path | None = None
    stream: bool = False

    def __post_init__(self) -> None:
        if self.clustering not in CLUSTERINGS:
            raise ConfigError(
                f"unknown clustering {self.clustering!r}; choose from {', '.join(CLUSTERINGS)}"
            )
        if self.schema is not None and self.model is not None:
            raise ConfigError("give a schema or a model, not both: a model brings its schema")

    @property
    def memory_bytes(self) -> int:
        return parse_bytes(self.memory)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An input encoded, with the model and rules that apply to it.

    `rules_left_out` are broad rules that the table is too large to afford, with the candidate
    pairs they would have cost; `notes` say what of a given model does not apply.
    """

    ingested: Ingested
    model: Model
    rules: tuple[BlockingRule, ...]
    space: PairSpace
    rules_left_out: Mapping[str, float]
    notes: tuple[str, ...]

    def without_store(self) -> Prepared:
        """All but the encoded records, which lie in a file."""
        return replace(self, ingested=replace(self.ingested, store=None))  # type: ignore[arg-type]

    def with_store(self, store: EncodedStore) -> Prepared:
        """The whole again."""
        return replace(self, ingested=replace(self.ingested, store=store))


def prepare(
    inputs: Sequence[InputSet],
    mode: str,
    options: JobOptions,
    scratch: Path,
    progress: Progress,
) -> Prepared:
    """Encode the inputs and settle which model and rules apply to them.

    Parameters
    ----------
    inputs : one set for dedupe, two for link
    mode : 'dedupe', 'link_only' or 'link_and_dedupe'
    options : of the job
    scratch : directory for the encoded records
    progress : told of the records read

    Returns
    -------
    Prepared
    """
    given = read_model(options.model) if isinstance(options.model, (str, Path)) else options.model
    schema = given.schema if given is not None else load_schema(options.schema)
    effective = effective_schema(schema, inputs)
    ingested = ingest(inputs, effective, scratch, progress)
    if options.strict:
        ingested.rejects.raise_if_any()
    space = pair_space(ingested, mode)
    if given is not None:
        model, rules, notes = _applied(given, ingested)
        return Prepared(
            ingested=ingested,
            model=model,
            rules=rules,
            space=space,
            rules_left_out={},
            notes=notes,
        )
    plan = _plan(ingested)
    comparisons = default_comparisons(ingested.schema.fields, ingested.layout)
    shipped = shipped_model(ingested.schema.name)
    if shipped is not None:
        comparisons = with_shipped_probabilities(comparisons, shipped) or comparisons
    model = Model(
        schema=ingested.schema,
        comparisons=comparisons,
        blocking_rules=tuple(rule.to_dict() for rule in plan.rules),
    )
    return Prepared(
        ingested=ingested,
        model=model,
        rules=plan.rules,
        space=space,
        rules_left_out=plan.left_out,
        notes=(),
    )


def _applied(
    given: Model, ingested: Ingested
) -> tuple[Model, tuple[BlockingRule, ...], tuple[str, ...]]:
    """The part of a given model for which the input has columns."""
    layout = ingested.layout
    usable = tuple(
        each
        for each in given.comparisons
        if all(layout.has(name) for part in each.parts for name in part.fields)
    )
    if not usable:
        raise ConfigError("the input has none of the fields that the model compares")
    rules = applicable_rules(rules_from_dicts(given.blocking_rules), layout.positions).rules
    if not rules:
        raise ConfigError("the model has no blocking rule that the input's columns can make")
    left = [each.name for each in given.comparisons if each not in usable]
    notes = tuple(f"the model's comparison {name} has no column here" for name in left)
    return given.replace(comparisons=usable, schema=ingested.schema), rules, notes


def _plan(ingested: Ingested) -> RulePlan:
    """The schema's own rules, or those that its roles suggest and the table can afford."""
    schema = ingested.schema
    if schema.blocking_rules:
        return RulePlan(rules_from_dicts(schema.blocking_rules), {})
    return plan_rules(
        ingested.store,
        ingested.layout,
        rules_for_roles(schema.fields).rules,
        broad_rules_for_roles(schema.fields),
        overflow=ingested.overflow,
    )
