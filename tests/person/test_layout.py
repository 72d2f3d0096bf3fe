"""Where fields lie in a row, and reading and packing their slots."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from person.errors import ConfigError
from person.kinds import slots_of
from person.layout import Layout, layout_for
from person.schema import Field, load_schema
from person.slots import pack_slot, read_slot, read_slot_column
from tests import reference, strategies


def resident_layout() -> Layout:
    return layout_for(load_schema().fields)


def test_a_resident_row_is_48_bytes() -> None:
    """The whole resident schema fits 6 words: the memory of a national run depends on it."""
    assert 6 == resident_layout().n_words


def test_a_resident_row_wastes_hardly_a_bit() -> None:
    """The budget of 48 bytes has at most a few bits to spare, and a change to it is seen here."""
    taken = sum(len(bits) for bits in reference.used_bits(resident_layout()))
    assert 64 * 5 < taken <= 64 * 6


@given(strategies.field_lists())
def test_no_slot_straddles_a_word_or_meets_another(fields: list[Field]) -> None:
    """Every component has bits of its own inside one word, and no word is empty."""
    layout = layout_for(fields)
    assert all(reference.used_bits(layout))


@given(strategies.field_lists())
def test_a_layout_holds_each_component_in_the_order_of_its_kind(fields: list[Field]) -> None:
    """Kernels read components by position, so the order of the kind is kept."""
    layout = layout_for(fields)
    for each in fields:
        slots = slots_of(each.kind, each.options)
        assert tuple(slot.component for slot in slots) == layout.components(each.name)
        assert [slot.bits for slot in slots] == layout.slots(each.name)[:, 2].tolist()
        assert each.kind == layout.kind(each.name)
        assert ("hashed" in each.options) == layout.is_hashed(each.name)


@given(strategies.field_lists())
def test_a_layout_depends_on_the_fields_alone(fields: list[Field]) -> None:
    """Two runs over tables with the same fields encode alike, whatever the columns are called."""
    renamed = [replace(each, columns=("other",), role="surname") for each in fields]
    assert layout_for(fields) == layout_for(renamed)
    assert layout_for(iter(fields)) == layout_for(fields)


@given(strategies.field_lists())
def test_words_are_filled_before_new_ones_are_opened(fields: list[Field]) -> None:
    """Each slot lies in the first word that had room when widest slots were placed first."""
    layout = layout_for(fields)
    total = sum(len(bits) for bits in reference.used_bits(layout))
    assert layout.n_words <= max(1, 2 * -(-total // 64))


def test_an_unknown_field_is_named_with_those_there_are() -> None:
    """Asking for the slots of a field that the rows lack is a ConfigError."""
    layout = layout_for(load_schema().with_fields(["name", "phone"]).fields)
    assert not layout.has("gender")
    with pytest.raises(ConfigError, match="no field 'gender' in these records; they have name, ph"):
        layout.slots("gender")


@pytest.mark.parametrize(
    ("name", "components"),
    [
        ("name", ["units"]),
        ("id_number", ["body"]),
        ("phone", ["first"]),
        ("address", ["grams", "numbers"]),
        ("health_card", ["hash"]),
    ],
)
def test_equality_of_value_slots_is_equality_of_the_value(name: str, components: list[str]) -> None:
    """Parts that only describe a value (how an id came, a second phone) do not count."""
    layout = resident_layout()
    expected = [list(p[1:]) for p in layout.positions[name] if p[0] in components]
    assert expected == layout.value_slots(name).tolist()


def test_all_words_of_a_text_are_its_value() -> None:
    """Two texts that differ only after the tenth character are different values."""
    layout = layout_for([Field(name="street", kind="text", columns=("street",))])
    assert 3 == len(layout.value_slots("street"))


def test_a_layout_becomes_plain_data() -> None:
    """run.json and store files hold the layout as JSON."""
    plain = resident_layout().to_dict()
    assert 6 == plain["n_words"]
    assert {"name": "han_name"}.items() <= plain["kinds"].items()
    assert plain["positions"]["name"][0][0] == "units"


# --------------------------------------------------------------------------------------- slots


@given(strategies.field_lists(size_max=6), st.integers(0, 5), st.randoms(use_true_random=False))
def test_packed_slots_read_back(fields: list[Field], count: int, random: st.DataObject) -> None:
    """Whatever is packed into any slot of any layout is read back, and touches no other slot."""
    layout = layout_for(fields)
    rows = np.zeros((count, layout.n_words), np.uint64)
    wanted: dict[str, list[list[int]]] = {}
    for each in fields:
        for component, (word, shift, bits) in enumerate(layout.slots(each.name).tolist()):
            values = [random.randrange(1 << bits) for _ in range(count)]  # type: ignore[attr-defined]
            pack_slot(np.array(values, np.uint64), word, shift, rows)
            wanted.setdefault(each.name, []).append(values)
            assert component == len(wanted[each.name]) - 1
    for each in fields:
        slots = layout.slots(each.name)
        for component, values in enumerate(wanted[each.name]):
            out = np.empty(count, np.uint64)
            read_slot_column(rows, slots, component, out)
            assert values == out.tolist()
            assert values == [int(read_slot(rows, row, slots, component)) for row in range(count)]
        pairs = [tuple(column[row] for column in wanted[each.name]) for row in range(count)]
        assert pairs == reference.field_values(rows, layout, each.name)
