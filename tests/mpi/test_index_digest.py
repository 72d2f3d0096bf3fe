"""Identifiers as keyed digests: equal stays equal, and nothing else can be told."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mpi.identity_digest import (
    DigestKey,
    Sealer,
    check_record_ids,
    key_of_index,
    read_digest_key,
    seal,
)
from person.batch import encode_batch
from person.errors import ConfigError, IndexKeyError, InputError
from person.identity import identity_keys
from person.layout import Layout, layout_for
from person.records import RecordChunk
from person.schema import Field, Schema, load_schema

NUMBERS = ["11010519491231002X", "440524188001010014", "110105491231002", "E12345678", None]
KEY = DigestKey(algorithm="sha256", secret=b"k" * 32)


def rows_of(schema: Schema, layout: Layout, **columns: list[str | None]) -> np.ndarray:
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    return encode_batch(table, schema, layout, schema.bind(table.column_names)).rows


@pytest.fixture(scope="module")
def resident() -> tuple[Schema, Layout, np.ndarray]:
    schema = load_schema()
    layout = layout_for(schema.fields)
    return (
        schema,
        layout,
        rows_of(
            schema,
            layout,
            name=["王小明", "李建国", "王小明", "Smith", "孙梅"],
            id_number=NUMBERS,
            id_type=["01", "01", "01", "03", None],
            health_card=["C1", "C2", "C1", None, "C1"],
            mother_id_number=[None, NUMBERS[0], NUMBERS[0], None, None],
            phone=["13800138000", None, None, None, None],
        ),
    )


def test_only_identifiers_are_sealed(resident: tuple[Schema, Layout, np.ndarray]) -> None:
    """Id numbers, cards and certificates change; every other bit of a row stays."""
    _, layout, rows = resident
    sealer = Sealer(KEY, layout)
    assert {"id_number", "health_card", "mother_id_number", "birth_certificate"} == set(
        sealer.fields
    )
    changed = np.zeros(layout.n_words, np.uint64)
    for name in sealer.fields:
        word, shift, bits = layout.slots(name)[0].tolist()
        changed[word] |= np.uint64(((1 << bits) - 1) << shift)
    sealed = seal(rows, layout, KEY)
    assert np.array_equal(rows & ~changed, sealed & ~changed)
    assert not np.array_equal(rows, sealed)


def test_equal_numbers_stay_equal_and_missing_stays_missing(
    resident: tuple[Schema, Layout, np.ndarray],
) -> None:
    """15 and 18 digits of one person meet; no value becomes a value; bodies look hashed."""
    _, layout, rows = resident
    sealed = seal(rows, layout, KEY)
    body = sealed[:, layout.slots("id_number")[0, 0]]
    assert body[0] == body[2] != body[1]
    assert 0 == body[4]
    assert {0xF} == set((body[:4] >> np.uint64(60)).tolist())
    for name in ("health_card", "mother_id_number"):
        word, shift, bits = layout.slots(name)[0].tolist()
        mask = np.uint64((1 << bits) - 1)
        before = rows[:, word] >> np.uint64(shift) & mask
        after = sealed[:, word] >> np.uint64(shift) & mask
        assert np.array_equal(before == 0, after == 0)
        assert np.array_equal(before[:, None] == before, after[:, None] == after)


def test_a_digest_is_the_first_bits_of_an_hmac(
    resident: tuple[Schema, Layout, np.ndarray],
) -> None:
    """What is kept can be worked out by anyone who has the key, by the standard's own means."""
    _, layout, rows = resident
    word = layout.slots("id_number")[0, 0]
    message = b"national_id\0" + int(rows[0, word]).to_bytes(8, "big")
    for name in ("sm3", "sha256"):
        if name not in hashlib.algorithms_available:
            continue
        key = DigestKey(algorithm=name, secret=b"k" * 32)
        expected = int.from_bytes(hmac.new(b"k" * 32, message, name).digest()[:8], "big")
        expected = expected & ((1 << 60) - 1) | 0xF << 60
        assert expected == int(seal(rows, layout, key)[0, word])


def test_another_key_gives_other_digests(resident: tuple[Schema, Layout, np.ndarray]) -> None:
    """Two indexes with keys of their own cannot be laid side by side."""
    _, layout, rows = resident
    other = DigestKey(algorithm="sha256", secret=b"l" * 32)
    word = layout.slots("id_number")[0, 0]
    one, two = seal(rows, layout, KEY)[:4, word], seal(rows, layout, other)[:4, word]
    assert not np.isin(one, two).any()


def test_valid_numbers_still_tell_people_apart(
    resident: tuple[Schema, Layout, np.ndarray],
) -> None:
    """The guard of two different valid numbers sees the same records as without digests."""
    schema, layout, rows = resident
    chunk = RecordChunk(0, rows, np.zeros(len(rows), np.uint16))
    plain = identity_keys([chunk], schema, layout, len(rows))
    assert plain is not None
    kept = Sealer(KEY, layout).identity_keys(seal(rows, layout, KEY), schema)
    assert np.array_equal(plain != 0, kept != 0)
    assert len(set(plain.tolist())) == len(set(kept.tolist()))


def test_text_identifiers_become_packed_letters() -> None:
    """An identifier of any length, one that overflows included, is a short text of digest."""
    card = Field(name="card", kind="identifier", columns=("card",))
    schema = Schema(name="cards", fields=(card,), record_id=("record_id",))
    layout = layout_for(schema.fields)
    values = ["A-123", "A-124", "A123", None, "X" + "1234567890" * 4]
    rows = rows_of(schema, layout, card=values)
    sealed = seal(rows, layout, KEY)
    assert np.array_equal(sealed[0], sealed[2])
    assert 4 == len(np.unique(sealed, axis=0))
    assert not sealed[3].any()
    assert 0 == int((sealed >> np.uint64(63)).max())
    assert not (sealed == rows).all(axis=1)[[0, 1, 4]].any()


def test_a_key_is_read_and_proved(tmp_path: Path) -> None:
    """Line ends do not matter; short, missing, wrong and needless keys are refused by name."""
    file = tmp_path / "key"
    file.write_bytes(b"0123456789abcdef\r\n")
    key = read_digest_key(file, "sha256")
    assert b"0123456789abcdef" == key.secret
    assert "0123456789abcdef" not in repr(key)
    fact = key.to_fact()
    assert key == key_of_index(fact, file, "index")
    assert key_of_index(None, None, "index") is None
    with pytest.raises(IndexKeyError, match="--digest-key"):
        key_of_index(fact, None, "index")
    file.write_bytes(b"another key of bytes")
    with pytest.raises(IndexKeyError, match="not the key"):
        key_of_index(fact, file, "index")
    with pytest.raises(ConfigError, match="takes no digest key"):
        key_of_index(None, file, "index")
    file.write_bytes(b"short\n")
    with pytest.raises(InputError, match="16 to 4096"):
        read_digest_key(file)
    with pytest.raises(InputError, match="cannot be read"):
        read_digest_key(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="unknown digest"):
        DigestKey(algorithm="md5", secret=b"k" * 32)


def test_record_ids_that_are_id_numbers_are_refused() -> None:
    """They would lie in the index for all to read; the message names the row, not the number."""
    check_record_ids([])
    check_record_ids(["P1", "", "123456789012345678", "13800138000"])
    with pytest.raises(InputError, match="row 7:") as caught:
        check_record_ids(["P1", "P2", NUMBERS[0] or ""], first_row=5)
    assert str(NUMBERS[0]) not in str(caught.value)
