"""Splink settings for generated Chinese residents.

What a careful user in China would write: id numbers brought to one form (15 digits to 18), names
also by their sound, the day and month swap, phones by their last digits, addresses by the
characters they share, term frequencies on every exact level, many blocking rules.
"""

from __future__ import annotations

from typing import Any, Final

from bench.accuracy_splink_parts import Plan

__all__ = ["NAME_SOUND", "add_name_sounds", "residents_best_effort"]

NAME_SOUND: Final = "name_sound"


def add_name_sounds(table: Any) -> Any:
    """Append the toneless pinyin of `name`, which SQL cannot make.

    Parameters
    ----------
    table : Arrow table with a column `name`
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    from pypinyin import lazy_pinyin

    encoded = pc.dictionary_encode(table["name"]).unify_dictionaries().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0)
    sounds = ["".join(lazy_pinyin(name)).lower() for name in encoded.dictionary.to_pylist()]
    return table.append_column(NAME_SOUND, pa.array(sounds, pa.string()).take(encoded.indices))


def _columns() -> dict[str, str]:
    number = "upper(regexp_replace(id_number, '[^0-9Xx]', '', 'g'))"
    parts = r"'^(\d{4})\D*(\d{1,2})\D*(\d{1,2})'"
    dashed = (
        f"regexp_extract(birth_date, {parts}, 1)"
        f" || lpad(regexp_extract(birth_date, {parts}, 2), 2, '0')"
        f" || lpad(regexp_extract(birth_date, {parts}, 3), 2, '0')"
    )
    date = (
        "case when regexp_full_match(birth_date, '\\d{8}.*') then substr(birth_date, 1, 8) "
        f"else {dashed} end"
    )
    return {
        "name": _clean_name("name"),
        NAME_SOUND: f"nullif({NAME_SOUND}, '')",
        "former_name": _clean_name("former_name"),
        # 17 digits: without the check digit, and with the century that 15 digits leave out
        "id_body": (
            f"case when length({number}) = 18 then substr({number}, 1, 17) "
            f"when length({number}) = 15 "
            f"then substr({number}, 1, 6) || '19' || substr({number}, 7, 9) "
            f"else {_given('id_number')} end"
        ),
        "birth_date": f"case when length({date}) = 8 and ({date}) not like '%00' then {date} end",
        "gender": (
            "case when regexp_matches(lower(gender), '^(1|男|m)') then 'm' "
            "when regexp_matches(lower(gender), '^(2|女|f)') then 'f' end"
        ),
        "phone": "nullif(right(regexp_replace(phone, '[^0-9]', '', 'g'), 11), '')",
        "region": "nullif(substr(region_code, 1, 6), '')",
        "address": _given("address"),
        "health_card": "nullif(trim(health_card), '')",
        "mother_id_number": "nullif(trim(mother_id_number), '')",
        "birth_certificate": "nullif(trim(birth_certificate), '')",
    }


def _given(column: str) -> str:
    """Without what people write where there is nothing to write, which would be one large block."""
    return f"case when trim({column}) not in ('', '-', '无', '不详') then trim({column}) end"


def _clean_name(column: str) -> str:
    """Without blanks of either width, with one form of the dot."""
    bare = f"regexp_replace({column}, '[ \u3000]', '', 'g')"
    return f"nullif(regexp_replace({bare}, '[.•・‧]', '·', 'g'), '')"


def residents_best_effort() -> Plan:
    import splink.comparison_library as cl
    from splink import block_on

    return Plan(
        link_type="dedupe_only",
        columns=_columns(),
        comparisons=[
            _name_comparison(),
            _id_comparison(),
            _birth_date_comparison(),
            cl.ExactMatch("gender"),
            cl.DamerauLevenshteinAtThresholds("phone", [1]).configure(
                term_frequency_adjustments=True
            ),
            _region_comparison(),
            cl.JaccardAtThresholds("address", [0.9, 0.75, 0.6]).configure(
                term_frequency_adjustments=True
            ),
            cl.ExactMatch("health_card"),
            cl.ExactMatch("mother_id_number").configure(term_frequency_adjustments=True),
            cl.ExactMatch("birth_certificate"),
        ],
        blocking_rules=[
            block_on("id_body"),
            block_on("health_card"),
            block_on("birth_certificate"),
            block_on("phone", "substr(birth_date, 1, 4)"),
            block_on("phone", "name_sound"),
            block_on("name", "birth_date"),
            block_on("name_sound", "birth_date"),
            block_on("name", "region", "substr(birth_date, 1, 4)"),
            block_on("name_sound", "region", "gender"),
            block_on("birth_date", "gender", "region"),
            block_on("address", "gender", "substr(name, 1, 1)"),
            block_on("mother_id_number", "gender"),
            block_on("substr(id_body, 1, 14)", "gender"),
            block_on("name", "substr(birth_date, 5, 4)", "substr(region, 1, 4)"),
            "l.name = r.former_name and l.birth_date = r.birth_date",
            "l.former_name = r.name and l.birth_date = r.birth_date",
        ],
        deterministic_rules=[
            block_on("id_body", "name"),
            block_on("name", "birth_date", "phone"),
            block_on("name", "birth_date", "region", "gender"),
        ],
        deterministic_recall=0.8,
        training_rules=[
            block_on("name", "birth_date"),
            block_on("id_body"),
            block_on("phone", "gender"),
        ],
        u_max_pairs=1e7,
        train_without_term_frequencies=True,
    )


def _name_comparison() -> Any:
    """Same writing, same sound, a former name, one character apart, one inside the other."""
    import splink.comparison_level_library as cll
    import splink.comparison_library as cl

    former = "name_l = former_name_r or former_name_l = name_r or former_name_l = former_name_r"
    inside = (
        "(starts_with(name_l, name_r) or starts_with(name_r, name_l)) "
        "and least(length(name_l), length(name_r)) >= 2"
    )
    return cl.CustomComparison(
        output_column_name="name",
        comparison_levels=[
            cll.NullLevel("name"),
            cll.ExactMatchLevel("name").configure(tf_adjustment_column="name"),
            cll.CustomLevel(former, label_for_charts="a former name"),
            cll.ExactMatchLevel(NAME_SOUND).configure(tf_adjustment_column=NAME_SOUND),
            cll.CustomLevel(inside, label_for_charts="one begins the other"),
            cll.CustomLevel(
                "levenshtein(name_l, name_r) = 1 and greatest(length(name_l), length(name_r)) >= 3",
                label_for_charts="one character apart",
            ),
            cll.JaroWinklerLevel(NAME_SOUND, 0.92),
            cll.CustomLevel(
                "substr(name_l, 1, 1) = substr(name_r, 1, 1)", label_for_charts="same surname"
            ),
            cll.ElseLevel(),
        ],
    )


def _id_comparison() -> Any:
    import splink.comparison_level_library as cll
    import splink.comparison_library as cl

    return cl.CustomComparison(
        output_column_name="id_body",
        comparison_levels=[
            cll.NullLevel("id_body"),
            cll.ExactMatchLevel("id_body"),
            cll.DamerauLevenshteinLevel("id_body", 1),
            cll.CustomLevel(
                "substr(id_body_l, 1, 14) = substr(id_body_r, 1, 14)",
                label_for_charts="same county and birth date",
            ),
            cll.DamerauLevenshteinLevel("id_body", 2),
            cll.CustomLevel(
                "substr(id_body_l, 7, 8) = substr(id_body_r, 7, 8)",
                label_for_charts="same birth date",
            ),
            cll.ElseLevel(),
        ],
    )


def _birth_date_comparison() -> Any:
    import splink.comparison_level_library as cll
    import splink.comparison_library as cl

    swapped = (
        "substr(birth_date_l, 1, 4) = substr(birth_date_r, 1, 4) "
        "and substr(birth_date_l, 5, 2) = substr(birth_date_r, 7, 2) "
        "and substr(birth_date_l, 7, 2) = substr(birth_date_r, 5, 2)"
    )
    one_day = (
        "substr(birth_date_l, 1, 4) = substr(birth_date_r, 1, 4) and "
        "(right(birth_date_l, 4) = '0101' or right(birth_date_r, 4) = '0101')"
    )
    return cl.CustomComparison(
        output_column_name="birth_date",
        comparison_levels=[
            cll.NullLevel("birth_date"),
            cll.ExactMatchLevel("birth_date").configure(tf_adjustment_column="birth_date"),
            cll.CustomLevel(swapped, label_for_charts="day and month swapped"),
            cll.CustomLevel(one_day, label_for_charts="same year, a first of January"),
            cll.DamerauLevenshteinLevel("birth_date", 1),
            cll.CustomLevel(
                "right(birth_date_l, 4) = right(birth_date_r, 4)", label_for_charts="same day"
            ),
            cll.CustomLevel(
                "substr(birth_date_l, 1, 4) = substr(birth_date_r, 1, 4)",
                label_for_charts="same year",
            ),
            cll.ElseLevel(),
        ],
    )


def _region_comparison() -> Any:
    import splink.comparison_level_library as cll
    import splink.comparison_library as cl

    def same(digits: int, label: str) -> Any:
        return cll.CustomLevel(
            f"substr(region_l, 1, {digits}) = substr(region_r, 1, {digits})",
            label_for_charts=label,
        )

    return cl.CustomComparison(
        output_column_name="region",
        comparison_levels=[
            cll.NullLevel("region"),
            cll.ExactMatchLevel("region").configure(tf_adjustment_column="region"),
            same(4, "same prefecture"),
            same(2, "same province"),
            cll.ElseLevel(),
        ],
    )
