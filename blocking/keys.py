"""From the text of a rule's keys to the kernels and slots that compute them.

A `ResolvedPart` is one transform of one field, ready to run; a `ResolvedRule` says which parts
make its key, its refining keys and its alternatives. Rules share parts: each part is computed
once for a stretch of rows, whatever the number of rules that use it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from blocking import han_kernels, kernels
from blocking.rules import BlockingRule, KeySpec
from person.errors import ConfigError
from person.field import OverflowTable
from person.records import RecordLayout

__all__ = [
    "TRANSFORMS",
    "ResolvedPart",
    "ResolvedRule",
    "ResolvedRules",
    "Transform",
    "resolve_rules",
]

TEXT_KINDS: Final = ("latin_name", "text", "identifier", "category")
_SURNAME_LENGTH_BITS: Final = 3 << 60
_SOUNDEX_DIGITS: Final = "01230127022455012623017202"  # a to z; 7 = h and w
_NO_TABLES: Final = (np.zeros(1, np.uint8),)
VARIANTS_MAX: Final = 8
_JOINT: Final = han_kernels.JOINT_ARGUMENTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """A way to make a key part from a field.

    Attributes
    ----------
    kernel : see `blocking.kernels`
    components : which of the field's components it reads, first and stop
    argument : parses what the key names after the transform; raises ValueError
    variants : parts it yields for one record (two phones: two)
    constant : what the kernel gets where the key may name nothing
    tables : builds the constant arrays it needs, from the table of overflowing text
    reads_hashed : works on a field of which only a hash is kept
    """

    kernel: Callable[..., None]
    components: tuple[int, int | None] = (0, None)
    argument: Callable[[str], int] | None = None
    constant: int = 0
    variants: int = 1
    tables: Callable[[OverflowTable], tuple[Any, ...]] = lambda _: _NO_TABLES
    reads_hashed: bool = False


@dataclass(frozen=True, slots=True)
class ResolvedPart:
    """One part, ready to run: kernel(rows, slots, argument, tables, out)."""

    label: str
    kernel: Callable[..., None]
    slots: NDArray[np.int64]
    argument: int
    tables: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class ResolvedRule:
    """A rule over numbered parts.

    Attributes
    ----------
    rule : as authored
    variants : each an int64[k] of part numbers; a record has a block key for each
    refine : part number of each refining key
    """

    rule: BlockingRule
    variants: tuple[NDArray[np.int64], ...]
    refine: tuple[int, ...]

    @property
    def key_parts(self) -> frozenset[int]:
        return frozenset(int(part) for variant in self.variants for part in variant)


@dataclass(frozen=True, slots=True)
class ResolvedRules:
    """All rules of a run and the parts they share."""

    parts: tuple[ResolvedPart, ...]
    rules: tuple[ResolvedRule, ...]
    sort_slots: NDArray[np.int64]
    sort_bits: NDArray[np.int64]

    def fill_parts(
        self, wanted: Iterable[int], rows: NDArray[np.uint64], out: NDArray[np.uint64]
    ) -> None:
        """Compute parts of some rows: out uint64[n_parts, >= len(rows)], wanted lines only."""
        view = read_only(rows)
        names: dict[bytes, list[int]] = {}
        for number in wanted:
            part = self.parts[number]
            if part.kernel is han_kernels.fill_han_key and part.argument in _JOINT:
                names.setdefault(part.slots.tobytes(), []).append(number)
            else:
                part.kernel(view, part.slots, part.argument, part.tables, out[number, : len(rows)])
        for numbers in names.values():
            self._fill_names(numbers, view, out)

    def _fill_names(
        self, numbers: Sequence[int], view: NDArray[np.uint64], out: NDArray[np.uint64]
    ) -> None:
        """Parts of one name, several at once where they are several."""
        part = self.parts[numbers[0]]
        if len(numbers) == 1:
            part.kernel(view, part.slots, part.argument, part.tables, out[numbers[0], : len(view)])
            return
        lines = np.full(len(_JOINT), -1, np.int64)
        for number in numbers:
            lines[_JOINT.index(self.parts[number].argument)] = number
        han_kernels.fill_han_keys(view, part.slots, part.tables, lines, out)


def read_only(rows: NDArray[Any]) -> NDArray[Any]:
    """A view that may not be written: kernels then compile once for mapped and own memory."""
    view = rows.view(np.ndarray)
    view.flags.writeable = False
    return view


def _number(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise ValueError(f"must be {least} to {most}")
        return value

    return parse


def _soundex_tables(_: OverflowTable) -> tuple[Any, ...]:
    digits = np.zeros(27, np.uint8)
    digits[1:] = [int(digit) for digit in _SOUNDEX_DIGITS]
    return (digits,)


_HAN_READS: Final = {
    "syllables": han_kernels.ALL_OF_NAME,
    "fuzzy_syllables": han_kernels.FUZZY,
    "sorted_syllables": han_kernels.SORTED,
    "sorted_fuzzy_syllables": han_kernels.SORTED | han_kernels.FUZZY,
    "surname": han_kernels.SURNAME_ONLY | han_kernels.UNITS,
    "surname_syllable": han_kernels.SURNAME_ONLY,
    "given_syllables": han_kernels.GIVEN_ONLY,
}
_MAIN: Final = (0, 1)
_VALUE: Final = Transform(kernel=kernels.fill_value, reads_hashed=True)
_MAIN_VALUE: Final = Transform(kernel=kernels.fill_value, components=_MAIN, reads_hashed=True)
_TEXT: Final = {
    "value": _VALUE,
    "first": Transform(kernel=kernels.fill_text_first, argument=_number(1, 10)),
    "last": Transform(kernel=kernels.fill_text_last, argument=_number(1, 10)),
    "soundex": Transform(kernel=kernels.fill_text_soundex, tables=_soundex_tables),
    "sorted_tokens": Transform(kernel=kernels.fill_text_sorted_tokens),
    "digits": Transform(kernel=kernels.fill_text_digits),
}

TRANSFORMS: Final[dict[str, dict[str, Transform]]] = {
    **dict.fromkeys(TEXT_KINDS, _TEXT),
    "han_name": {
        "value": Transform(
            kernel=kernels.fill_value,
            components=_MAIN,
            constant=_SURNAME_LENGTH_BITS,
            reads_hashed=True,
        ),
        **{
            name: Transform(
                kernel=han_kernels.fill_han_key,
                components=_MAIN,
                constant=reads,
                tables=han_kernels.han_arrays,
            )
            for name, reads in _HAN_READS.items()
        },
    },
    "national_id": {
        "value": _MAIN_VALUE,
        "birth_date": Transform(kernel=kernels.fill_id_birth_date),
        "region": Transform(kernel=kernels.fill_id_region),
        "first_half": Transform(kernel=kernels.fill_id_first_half),
        "last_half": Transform(kernel=kernels.fill_id_last_half),
    },
    "date": {
        "value": Transform(kernel=kernels.fill_date_day),
        "year": Transform(kernel=kernels.fill_date_year),
        "year_month": Transform(kernel=kernels.fill_date_year_month),
        "month_day": Transform(kernel=kernels.fill_date_month_day),
        "day_month_sorted": Transform(kernel=kernels.fill_date_sorted_day_month),
    },
    "gender": {"value": _MAIN_VALUE},
    "phone": {
        "value": Transform(kernel=kernels.fill_phone_variant, variants=2),
        "first": _MAIN_VALUE,
    },
    "region": {
        "value": _MAIN_VALUE,
        "prefecture": Transform(kernel=kernels.fill_region_prefix, constant=100),
        "province": Transform(kernel=kernels.fill_region_prefix, constant=10000),
    },
    "address": {
        "value": _VALUE,
        "numbers": Transform(kernel=kernels.fill_value, components=(1, 2)),
        "grams": Transform(
            kernel=kernels.fill_address_gram,
            components=_MAIN,
            argument=lambda text: _number(1, 6)(text) - 1,
        ),
    },
}
"""kind -> name -> transform; `field:name:argument` in a rule's keys picks one."""


def resolve_rules(
    rules: Sequence[BlockingRule], layout: RecordLayout, overflow: OverflowTable | None = None
) -> ResolvedRules:
    """Turn rules into parts over a layout.

    Raises
    ------
    ConfigError : a field the layout lacks, a transform its kind lacks, a bad argument
    """
    numbers: dict[str, int] = {}
    parts: list[ResolvedPart] = []
    table = OverflowTable() if overflow is None else overflow

    def part_numbers(key: str) -> list[int]:
        found = []
        for part in _parts_of_key(KeySpec.parse(key), layout, table):
            if part.label not in numbers:
                numbers[part.label] = len(parts)
                parts.append(part)
            found.append(numbers[part.label])
        return found

    resolved = []
    for rule in rules:
        choices = list(product(*(part_numbers(key) for key in rule.keys)))
        if len(choices) > VARIANTS_MAX:
            raise ConfigError(f"blocking rule {rule.name!r} gives a record too many keys")
        variants = tuple(np.array(choice, np.int64) for choice in choices)
        refine = tuple(part_numbers(key)[0] for key in rule.refine)
        resolved.append(ResolvedRule(rule, variants, refine))
    fields = dict.fromkeys(
        name
        for rule in rules
        for key in (*rule.keys, *rule.refine)
        for name in KeySpec.parse(key).fields
    )
    sort_slots, sort_bits = _sort_components(list(fields), layout)
    return ResolvedRules(tuple(parts), tuple(resolved), sort_slots, sort_bits)


def _parts_of_key(
    spec: KeySpec, layout: RecordLayout, overflow: OverflowTable
) -> list[ResolvedPart]:
    if len(spec.fields) == 2:
        return _two_field_parts(spec, layout)
    field = spec.fields[0]
    slots = layout.slots(field)  # raises for a field the records lack
    kind = layout.kind(field)
    transform = TRANSFORMS.get(kind, {}).get(spec.transform)
    if transform is None:
        raise ConfigError(
            f"blocking key {spec}: a {kind} field has no transform {spec.transform!r}; "
            f"it has {', '.join(TRANSFORMS.get(kind, {}))}"
        )
    if _is_hashed(kind, slots) and not transform.reads_hashed:
        raise ConfigError(f"blocking key {spec}: only a hash of {field} is kept, use its value")
    argument = _parsed_argument(spec, transform)
    chosen = np.ascontiguousarray(slots[slice(*transform.components)])
    return [
        ResolvedPart(
            f"{spec}#{variant}",
            transform.kernel,
            chosen,
            variant if transform.variants > 1 else argument,
            transform.tables(overflow),
        )
        for variant in range(transform.variants)
    ]


def _parsed_argument(spec: KeySpec, transform: Transform) -> int:
    if transform.argument is None:
        if spec.argument:
            raise ConfigError(f"blocking key {spec}: {spec.transform} takes no argument")
        return transform.constant
    try:
        return transform.argument(spec.argument)
    except ValueError as error:
        raise ConfigError(
            f"blocking key {spec}: {spec.transform} needs a number after it ({error})"
        ) from None


def _two_field_parts(spec: KeySpec, layout: RecordLayout) -> list[ResolvedPart]:
    if spec.transform not in ("unordered", "either") or spec.argument:
        raise ConfigError(f"blocking key {spec}: two fields are read as 'unordered' or 'either'")
    both = []
    for field in spec.fields:
        slots = layout.slots(field)
        value = TRANSFORMS.get(layout.kind(field), {}).get("value")
        if value is None or value.variants > 1:
            raise ConfigError(f"blocking key {spec}: {field} cannot be read as a value")
        both.append(slots[slice(*value.components)])
    slots = np.ascontiguousarray(np.concatenate(both))
    count = len(both[0])
    if spec.transform == "unordered":
        kernel = kernels.fill_unordered_values
        return [ResolvedPart(f"{spec}#0", kernel, slots, count, _NO_TABLES)]
    return [
        ResolvedPart(
            f"{spec}#{variant}", kernels.fill_either_value, slots, 2 * count + variant, _NO_TABLES
        )
        for variant in range(2)
    ]


def _is_hashed(kind: str, slots: NDArray[np.int64]) -> bool:
    holds_words = kind in TEXT_KINDS or kind in ("han_name", "national_id")
    return holds_words and len(slots) == 1 and int(slots[0, 2]) < 64


_SORT_TASTE: Final = {
    # kind -> (rank, bits): names first, then the date, then what else tells people apart
    "latin_name": (0, 28),
    "han_name": (0, 34),
    "text": (1, 16),
    "date": (2, 18),
    "identifier": (3, 10),
    "national_id": (3, 10),
}
_SORT_BITS_MAX: Final = 52


def _sort_components(
    fields: Sequence[str], layout: RecordLayout
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Main components and how many of their top bits make the sort key inside huge blocks."""
    ranked = sorted(
        (field for field in fields if layout.kind(field) in _SORT_TASTE),
        key=lambda field: _SORT_TASTE[layout.kind(field)][0],
    )
    slots, bits = [], []
    room = _SORT_BITS_MAX
    for field in ranked:
        main = layout.slots(field)[0]
        take = min(_SORT_TASTE[layout.kind(field)][1], int(main[2]), room)
        if take > 0:
            slots.append(main)
            bits.append(take)
            room -= take
    return (
        np.array(slots, np.int64).reshape(len(slots), 3),
        np.array(bits, np.int64),
    )
