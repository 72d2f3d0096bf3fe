from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from person.address import encode_address
from person.field import FieldStatus
from person.text import Utf8Column


def sketch(text: str | None) -> tuple[int, int, FieldStatus]:
    encoded = encode_address(Utf8Column.from_strings([text]), {})
    grams, numbers = encoded.components["grams"][0], encoded.components["numbers"][0]
    return int(grams), int(numbers), FieldStatus(encoded.status[0])


def equal_grams(a: str, b: str) -> int:
    left, right = sketch(a)[0], sketch(b)[0]
    return sum((left >> shift & 255) == (right >> shift & 255) for shift in range(0, 48, 8))


def test_suffixes_of_places_and_kinds_of_number_do_not_matter() -> None:
    """省, 市, 区, 路 and 号 come and go, and 八十八 is 88."""
    assert sketch("北京市朝阳区建国路88号") == sketch("北京朝阳建国路八十八号")
    assert sketch("北京市朝阳区建国路８８号") == sketch("北京市朝阳区建国路88号")


def test_numerals_in_names_are_not_numbers() -> None:
    """五一路 is a street, not number 51."""
    assert 0 == sketch("五一路")[1]
    assert sketch("五一路")[0] != 0
    assert 0 != sketch("五一路三号")[1]


def test_street_types_and_word_order_do_not_matter() -> None:
    """Main Street, main st. and Main Rd have one sketch; so have words in another order."""
    assert sketch("12 Main Street") == sketch("Unit 12, main st.") == sketch("12 Main Rd")
    assert sketch("Castle Hill")[0] == sketch("hill castle")[0]


def test_numbers_are_told_apart_and_keep_their_order() -> None:
    """Building 3 door 5 is not building 5 door 3; leading zeros do not count."""
    assert sketch("建国路3号楼5室")[0] == sketch("建国路5号楼3室")[0]
    assert sketch("建国路3号楼5室")[1] != sketch("建国路5号楼3室")[1]
    assert sketch("main st 012") == sketch("main st 12")


def test_overlap_shows_in_equal_minima() -> None:
    """Addresses that share most words agree in most minima; strangers in next to none."""
    assert 2 <= equal_grams("北京市朝阳区建国路88号", "朝阳区建国路88号")
    assert 1 >= equal_grams("北京市朝阳区建国路", "广州市天河区体育西路")


def test_nothing_but_filler_is_no_address() -> None:
    """Empty is missing, a word for nothing or only a street type is a placeholder."""
    missing, placeholder = (0, 0, FieldStatus.MISSING), (0, 0, FieldStatus.PLACEHOLDER)
    assert [missing, missing] == [sketch(None), sketch("  ")]
    assert [placeholder] * 4 == [sketch(text) for text in ("unknown", "-", "不详", "the street")]
    assert (0, 0, FieldStatus.NUL_BYTE) == sketch("main\0")


ANY_ADDRESS = st.none() | st.text(
    st.characters(exclude_categories=("Cs",)) | st.sampled_from("北京市朝阳路十三号12 abst"),
    max_size=30,
)


@given(st.lists(ANY_ADDRESS, max_size=8))
def test_a_batch_of_anything_equals_its_values_one_by_one(values: list[str | None]) -> None:
    """No text makes the encoder fail, and every result fits its slots."""
    encoded = encode_address(Utf8Column.from_strings(values), {})
    for row, value in enumerate(values):
        grams, numbers, status = sketch(value)
        assert encoded.components["grams"][row] == grams < 1 << 48
        assert encoded.components["numbers"][row] == numbers < 1 << 16
        assert encoded.status[row] == status
        assert grams == 0 or all(grams >> shift & 255 for shift in range(0, 48, 8))
        assert (status == FieldStatus.VALID) == (grams != 0 or numbers != 0)
