"""Pairs of a case: what they weigh and why, how they met, why no machine decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from blocking.kernels import combine_keys
from blocking.keys import ResolvedRules, resolve_rules
from blocking.rule_sets import rules_for_roles
from matching.compiled import CompiledComparison
from mpi.identity_decide import IN_DOUBT
from mpi.identity_engine import Engine
from mpi.identity_names import rules_with_names
from mpi.identity_reading import Reader
from mpi.report_data import WaterfallExample
from mpi.review.differences import difference_spans
from mpi.review.step_words import decision_of, step_words, words_key
from mpi.review.types import PairView, Span, StepView
from mpi.review.values import FieldValue, StatedRecord
from mpi.waterfall import cell_levels, waterfalls
from person.field import OverflowTable

__all__ = ["PairInput", "field_levels", "meeting_rules", "pair_views", "value_spans"]

BELOW_REVIEW: Final = "the weight lies below the review line"


@dataclass(frozen=True, slots=True)
class PairInput:
    """One pair to look at.

    Attributes
    ----------
    left, right : places of the records
    asked : whether the task asks about it
    refused : why the run that raised the task did not link it, None for none
    """

    left: int
    right: int
    asked: bool = False
    refused: str | None = None


_KnownSpans = dict[tuple[str, FieldValue, FieldValue], tuple[tuple[Span, ...], tuple[Span, ...]]]
"""Field, what two records say there -> where it differs."""


def pair_views(
    reader: Reader, records: Sequence[StatedRecord], pairs: Sequence[PairInput]
) -> list[PairView]:
    """Everything about some pairs, heaviest first.

    Parameters
    ----------
    reader : of the index
    records : of the case
    pairs : places of records in it
    """
    if not pairs:
        return []
    engine = reader.engine
    left = np.stack([records[each.left].row for each in pairs])
    right = np.stack([records[each.right].row for each in pairs])
    names = [("", "")] * len(pairs)
    examples = waterfalls(
        engine.compiled_for(left, right),
        left,
        right,
        names,
        [""] * len(pairs),
        prior_shift=engine.facts.prior_shift,
    )
    places = np.arange(len(pairs), dtype=np.int32)
    weighed = engine.weigh(left, right, places, places)
    refusals = engine.refusals(weighed.pattern).tolist()
    met = meeting_rules(engine, left, right)
    spans: _KnownSpans = {}
    views = [
        _view(
            reader,
            records,
            pair,
            examples[at],
            int(weighed.pattern[at]),
            refusals[at],
            met[at],
            spans,
        )
        for at, pair in enumerate(pairs)
    ]
    return sorted(views, key=lambda each: (not each.asked, -each.match_weight))


def _view(
    reader: Reader,
    records: Sequence[StatedRecord],
    pair: PairInput,
    example: WaterfallExample,
    pattern: int,
    refusal: str | None,
    rules: tuple[str, ...],
    known: _KnownSpans,
) -> PairView:
    one, other = records[pair.left], records[pair.right]
    facts, weight = reader.engine.facts, example.match_weight
    left: dict[str, tuple[Span, ...]] = {}
    right: dict[str, tuple[Span, ...]] = {}
    for each in reader.engine.schema.fields:
        # Records of one case say the same in most fields: it is cut up once.
        said = (each.name, one.values[each.name], other.values[each.name])
        if said not in known:
            known[said] = value_spans(each.kind, each.name, one, other)
        left[each.name], right[each.name] = known[said]
    why = [refusal, pair.refused]
    if weight < facts.review_weight:
        why.append(BELOW_REVIEW)
    elif weight < facts.link_weight:
        why.append(IN_DOUBT)
    return PairView(
        left=pair.left,
        right=pair.right,
        match_weight=round(weight, 4),
        match_probability=example.match_probability,
        steps=_steps(example),
        rules=rules,
        decision=decision_of(weight, refusal, facts.link_weight, facts.review_weight),
        why_not_automatic=tuple(dict.fromkeys(each for each in why if each)),
        asked=pair.asked,
        spans_left=left,
        spans_right=right,
        levels=field_levels(reader.engine, pattern, one, other),
    )


def value_spans(
    kind: str, name: str, one: StatedRecord, other: StatedRecord
) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """One field of two records, cut up where they differ.

    Parameters
    ----------
    kind, name : of the field
    one, other : the records
    """
    left, right = one.values[name], other.values[name]
    is_equal = left.components == right.components and any(left.components)
    if (left.text is None and not left.is_missing) or (right.text is None and not right.is_missing):
        mark = "same" if is_equal else "differs"  # one of them cannot be read
        if left.is_missing or right.is_missing:
            mark = "missing"
        return tuple((Span(text, mark),) if text else () for text in (left.text, right.text))  # type: ignore[return-value]
    return difference_spans(kind, left.text, right.text, is_equal=is_equal)


def _steps(example: WaterfallExample) -> tuple[StepView, ...]:
    prior = example.prior_match_weight
    zh, en = step_words("prior", "")
    steps = [
        StepView(
            comparison="prior",
            level="",
            words_key="prior",
            words_zh=zh,
            words_en=en,
            bits=round(prior, 4),
            running=round(prior, 4),
        )
    ]
    running = prior
    for each in example.steps:
        bits = each.match_weight + each.term_frequency_adjustment
        running += bits
        zh, en = step_words(each.comparison, each.level)
        steps.append(
            StepView(
                comparison=each.comparison,
                level=each.level,
                words_key=words_key(each.comparison, each.level, bits),
                words_zh=zh,
                words_en=en,
                bits=round(bits, 4),
                term_frequency_bits=round(each.term_frequency_adjustment, 4),
                running=round(running, 4),
            )
        )
    return tuple(steps)


def field_levels(
    engine: Engine, pattern: int, one: StatedRecord, other: StatedRecord
) -> dict[str, str]:
    """Field -> how two records compare in it, by the model's levels where it compares the field.

    Parameters
    ----------
    engine : of the index
    pattern : agreement pattern of the pair
    one, other : the records
    """
    levels = {}
    for name, left in one.values.items():
        right = other.values[name]
        if left.is_missing or right.is_missing:
            levels[name] = "missing"
        else:
            levels[name] = "exact" if left.components == right.components else "else"
    cells = engine.compiled.unpack_patterns(np.array([pattern], np.int64))[:, 0]
    for comparison, cell in zip(engine.compiled.comparisons, cells.tolist(), strict=True):
        levels |= _part_levels(comparison, cell)
    return levels


def _part_levels(comparison: CompiledComparison, cell: int) -> dict[str, str]:
    found = {}
    cells = cell_levels(comparison, np.array([cell], np.int32))[:, 0]
    for part, level in zip(comparison.parts, cells.tolist(), strict=True):
        labels = (*part.part.level_labels, "missing")
        for name in part.part.fields:
            found[name] = labels[level]
    return found


# ---------------------------------------------------------------------- how they met


def meeting_rules(
    engine: Engine, left: NDArray[np.uint64], right: NDArray[np.uint64]
) -> list[tuple[str, ...]]:
    """Names of the blocking rules under which pairs meet: the index's, then other shipped ones.

    Parameters
    ----------
    engine : of the index
    left, right : uint64[n_pairs, n_words]
    """
    met: list[dict[str, None]] = [{} for _ in range(len(left))]
    for rule, ours, theirs in zip(engine.rules, engine.keys(left), engine.keys(right), strict=True):
        _note(met, rule.rule.name, ours, theirs)
    if engine.sealer is None:
        for name, ours, theirs in _shipped_keys(engine, left, right):
            _note(met, name, ours, theirs)
    return [tuple(each) for each in met]


def _note(
    met: list[dict[str, None]],
    name: str,
    ours: NDArray[np.uint64],
    theirs: NDArray[np.uint64],
) -> None:
    agrees = ((ours[:, None, :] == theirs[None, :, :]) & (ours[:, None, :] != 0)).any(axis=(0, 1))
    for pair in np.flatnonzero(agrees).tolist():
        met[pair][name] = None


_SHIPPED: Final[WeakKeyDictionary[Engine, tuple[ResolvedRules, OverflowTable]]] = (
    WeakKeyDictionary()
)
"""Shipped rules by engine, as long as its index is open."""


def _shipped(engine: Engine) -> tuple[ResolvedRules, OverflowTable]:
    """All shipped rules that the schema's fields can make, and the table of no long names.

    They follow from schema and layout, which an engine keeps for ever; the long names that come
    while it is open are those of the rows, see `_shipped_keys`.
    """
    found = _SHIPPED.get(engine)
    if found is None:
        rules = rules_for_roles(engine.schema.fields).rules
        none = OverflowTable()
        found = _SHIPPED[engine] = resolve_rules(rules, engine.layout, none), none
    return found


def _shipped_keys(
    engine: Engine, left: NDArray[np.uint64], right: NDArray[np.uint64]
) -> Iterator[tuple[str, NDArray[np.uint64], NDArray[np.uint64]]]:
    """(rule, its keys of the left records, of the right ones) of the shipped rules."""
    resolved, none = _shipped(engine)
    names = engine.names.of_rows(left, right)
    if names is not None:
        resolved = rules_with_names(resolved, none, names)
    wanted = sorted({part for rule in resolved.rules for part in rule.key_parts})
    sides = []
    for rows in (left, right):
        parts = np.empty((len(resolved.parts), len(rows)), np.uint64)
        resolved.fill_parts(wanted, np.ascontiguousarray(rows), parts)
        sides.append(parts)
    for rule in resolved.rules:
        keys = [np.empty((len(rule.variants), len(left)), np.uint64) for _ in sides]
        for side, parts in enumerate(sides):
            for variant, part_index in enumerate(rule.variants):
                combine_keys(parts, part_index, len(left), keys[side][variant])
        yield rule.rule.name, keys[0], keys[1]
