"""Splink settings for the sets that are not FEBRL."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from bench.accuracy_splink_parts import SWAPPED_NAMES, Plan, clean, date_comparison, names_apart

__all__ = [
    "fake_1000_best_effort",
    "fake_1000_documented",
    "geco_best_effort",
    "geco_documented",
    "pseudopeople_best_effort",
    "pseudopeople_documented",
    "secondstring_best_effort",
    "secondstring_documented",
    "uganda_best_effort",
    "uganda_documented",
]


def fake_1000_documented() -> Plan:
    """Splink's "getting started" page, which uses this very set."""
    import splink.comparison_library as cl
    from splink import block_on

    return Plan(
        link_type="dedupe_only",
        columns=_fake_1000_columns(),
        comparisons=[
            cl.NameComparison("first_name"),
            cl.JaroAtThresholds("surname"),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.EmailComparison("email"),
        ],
        blocking_rules=[block_on("first_name", "dob"), block_on("surname")],
        deterministic_rules=[block_on("first_name", "surname")],
        deterministic_recall=0.7,
        training_rules=[block_on("first_name", "surname"), block_on("email")],
    )


def _fake_1000_columns() -> dict[str, str]:
    return clean("first_name", "surname", "dob", "city", "email")


def fake_1000_best_effort() -> Plan:
    import splink.comparison_library as cl
    from splink import block_on

    return Plan(
        link_type="dedupe_only",
        columns=_fake_1000_columns(),
        comparisons=[
            *names_apart("first_name", "surname"),
            date_comparison("dob", "%Y-%m-%d"),
            cl.JaroWinklerAtThresholds("city", [0.9]).configure(term_frequency_adjustments=True),
            cl.EmailComparison("email").configure(term_frequency_adjustments=True),
        ],
        blocking_rules=[
            block_on("first_name"),
            block_on("surname"),
            block_on("dob"),
            block_on("email"),
            block_on("city", "substr(dob, 1, 7)"),
            block_on("city", "substr(first_name, 1, 2)"),
            block_on("substr(dob, 1, 4)", "substr(surname, 1, 2)"),
            block_on("substr(email, 1, 4)"),
            "l.first_name = r.surname",
            "l.surname = r.first_name",
        ],
        deterministic_rules=[block_on("first_name", "dob"), block_on("email")],
        deterministic_recall=0.7,
        training_rules=[
            block_on("first_name", "surname"), block_on("dob"), block_on("email"),
        ],
        u_max_pairs=5e6,
        train_without_term_frequencies=True,
    )  # fmt: skip


def _uganda_columns() -> dict[str, str]:
    names = ("sex", "date_of_birth", "given_name", "surname", "phone_number", "uganda_nin")
    return clean(*names, "art_number")


def uganda_documented() -> Plan:
    import splink.comparison_library as cl
    from splink import block_on

    return Plan(
        link_type="dedupe_only",
        columns=_uganda_columns(),
        comparisons=[
            cl.NameComparison("given_name"),
            cl.NameComparison("surname"),
            cl.DateOfBirthComparison(
                "date_of_birth", input_is_string=True, datetime_format="%Y%m%d"
            ),
            cl.ExactMatch("sex"),
            cl.DamerauLevenshteinAtThresholds("phone_number", [2]),
            cl.DamerauLevenshteinAtThresholds("uganda_nin", [2]),
            cl.DamerauLevenshteinAtThresholds("art_number", [2]),
        ],
        blocking_rules=[
            block_on(column)
            for column in (
                "uganda_nin", "art_number", "phone_number", "date_of_birth",
                "given_name", "surname",
            )
        ],
        deterministic_rules=[
            block_on("uganda_nin"), block_on("art_number"),
            block_on("given_name", "surname", "date_of_birth"),
        ],
        deterministic_recall=0.9,
        training_rules=[block_on("date_of_birth"), block_on("surname")],
    )  # fmt: skip


def uganda_best_effort() -> Plan:
    import splink.comparison_library as cl
    from splink import block_on

    columns = _uganda_columns()
    for name in ("phone_number", "uganda_nin", "art_number"):
        columns[name] = f"nullif(regexp_replace(lower({name}), '[^a-z0-9]', '', 'g'), '')"
    return Plan(
        link_type="dedupe_only",
        columns=columns,
        comparisons=[
            *names_apart("given_name", "surname"),
            date_comparison("date_of_birth", "%Y%m%d"),
            cl.ExactMatch("sex"),
            cl.DamerauLevenshteinAtThresholds("phone_number", [1, 2]),
            cl.DamerauLevenshteinAtThresholds("uganda_nin", [1, 2]),
            cl.DamerauLevenshteinAtThresholds("art_number", [1, 2]),
        ],
        blocking_rules=[
            block_on("uganda_nin"),
            block_on("art_number"),
            block_on("phone_number"),
            block_on("date_of_birth"),
            block_on("given_name", "surname"),
            SWAPPED_NAMES,
            block_on("surname", "substr(date_of_birth, 1, 4)"),
            block_on("given_name", "substr(date_of_birth, 1, 4)"),
            block_on("substr(uganda_nin, 1, 6)"),
            block_on("substr(art_number, 1, 6)"),
            block_on("substr(phone_number, 1, 6)"),
            block_on("right(phone_number, 5)"),
        ],
        deterministic_rules=[
            block_on("uganda_nin"), block_on("art_number"),
            block_on("given_name", "surname", "date_of_birth"),
        ],
        deterministic_recall=0.9,
        training_rules=[
            block_on("date_of_birth"), block_on("uganda_nin"), block_on("phone_number"),
        ],
        u_max_pairs=5e6,
        train_without_term_frequencies=True,
    )  # fmt: skip


def _geco_columns() -> dict[str, str]:
    names = ("gender", "given-name", "surname", "postcode", "city")
    return clean(*names, "telephone-number", "credit-card-number")


def geco_documented() -> Plan:
    import splink.comparison_library as cl
    from splink import block_on

    return Plan(
        link_type="dedupe_only",
        columns=_geco_columns(),
        comparisons=[
            cl.NameComparison("given_name"),
            cl.NameComparison("surname"),
            cl.ExactMatch("gender"),
            cl.ExactMatch("postcode").configure(term_frequency_adjustments=True),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.DamerauLevenshteinAtThresholds("telephone_number", [2]),
            cl.DamerauLevenshteinAtThresholds("credit_card_number", [2]),
        ],
        blocking_rules=[
            block_on("credit_card_number"),
            block_on("telephone_number"),
            block_on("given_name"),
            block_on("surname"),
        ],
        deterministic_rules=[
            block_on("credit_card_number"),
            block_on("given_name", "surname", "telephone_number"),
        ],
        deterministic_recall=0.8,
        training_rules=[block_on("given_name"), block_on("surname")],
    )


def geco_best_effort() -> Plan:
    import splink.comparison_library as cl
    from splink import block_on

    columns = _geco_columns()
    for name in ("telephone-number", "credit-card-number"):
        columns[name.replace("-", "_")] = f"nullif(replace(\"{name}\", ' ', ''), '')"
    return Plan(
        link_type="dedupe_only",
        columns=columns,
        comparisons=[
            *names_apart("given_name", "surname"),
            cl.ExactMatch("gender"),
            cl.DamerauLevenshteinAtThresholds("postcode", [1]).configure(
                term_frequency_adjustments=True
            ),
            cl.JaroWinklerAtThresholds("city", [0.85]).configure(term_frequency_adjustments=True),
            cl.DamerauLevenshteinAtThresholds("telephone_number", [1, 2]),
            cl.DamerauLevenshteinAtThresholds("credit_card_number", [1, 2, 4]),
        ],
        blocking_rules=[
            block_on("credit_card_number"),
            block_on("telephone_number"),
            block_on("given_name", "surname"),
            SWAPPED_NAMES,
            block_on("substr(credit_card_number, 1, 8)"),
            block_on("right(credit_card_number, 8)"),
            block_on("substr(credit_card_number, 5, 6)"),
            block_on("surname", "postcode"),
            block_on("given_name", "postcode"),
        ],
        deterministic_rules=[block_on("credit_card_number"), block_on("telephone_number")],
        deterministic_recall=0.8,
        training_rules=[
            block_on("credit_card_number"), block_on("given_name", "surname"),
            block_on("surname", "postcode"),
        ],
        u_max_pairs=5e6,
        train_without_term_frequencies=True,
    )  # fmt: skip


PEOPLE: Final = ("first_name", "middle_initial", "last_name", "sex", "date_of_birth")


def _pseudopeople_columns() -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Address is known to the census only, the number to the register only."""
    address = ("street_number", "street_name", "unit_number")
    empty = "CAST(NULL AS VARCHAR)"
    return clean(*PEOPLE), {
        "census": clean(*address) | {"ssn": empty},
        "social_security": dict.fromkeys(address, empty) | clean("ssn"),
    }


def pseudopeople_documented() -> Plan:
    import splink.comparison_library as cl
    from splink import block_on

    columns, by_source = _pseudopeople_columns()
    return Plan(
        link_type="link_and_dedupe",
        columns=columns,
        columns_by_source=by_source,
        comparisons=[
            cl.NameComparison("first_name").configure(term_frequency_adjustments=True),
            cl.ExactMatch("middle_initial").configure(term_frequency_adjustments=True),
            cl.NameComparison("last_name").configure(term_frequency_adjustments=True),
            cl.DateOfBirthComparison(
                "date_of_birth", input_is_string=True, datetime_format="%Y-%m-%d"
            ),
            cl.ExactMatch("sex"),
            cl.DamerauLevenshteinAtThresholds("ssn", [2]),
            cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
            cl.DamerauLevenshteinAtThresholds("street_name", [1]).configure(
                term_frequency_adjustments=True
            ),
        ],
        blocking_rules=[
            block_on("ssn"),
            block_on("first_name", "last_name"),
            block_on("date_of_birth"),
            block_on("street_number", "street_name", "first_name"),
        ],
        deterministic_rules=[block_on("ssn"), block_on("first_name", "last_name", "date_of_birth")],
        training_rules=[block_on("date_of_birth"), block_on("first_name", "last_name")],
        train_without_term_frequencies=True,
    )


def pseudopeople_best_effort() -> Plan:
    import splink.comparison_library as cl
    from splink import block_on

    columns, by_source = _pseudopeople_columns()
    return Plan(
        link_type="link_and_dedupe",
        columns=columns,
        columns_by_source=by_source,
        comparisons=[
            *names_apart("first_name", "last_name"),
            cl.ExactMatch("middle_initial").configure(term_frequency_adjustments=True),
            date_comparison("date_of_birth", "%Y-%m-%d"),
            cl.ExactMatch("sex"),
            cl.ExactMatch("ssn"),
            _street_comparison(),
        ],
        blocking_rules=[
            block_on("ssn"),
            block_on("first_name", "last_name"),
            block_on("date_of_birth"),
            block_on("street_number", "street_name", "first_name"),
            block_on("last_name", "substr(date_of_birth, 1, 4)"),
            block_on("first_name", "substr(date_of_birth, 1, 7)"),
            block_on("first_name", "substr(date_of_birth, 6, 5)"),
            block_on("last_name", "substr(date_of_birth, 6, 5)"),
            block_on("street_number", "street_name", "substr(date_of_birth, 1, 4)"),
            "l.first_name = r.last_name and l.last_name = r.first_name",
        ],
        deterministic_rules=[block_on("ssn"), block_on("first_name", "last_name", "date_of_birth")],
        deterministic_recall=0.9,
        training_rules=[
            block_on("date_of_birth"), block_on("first_name", "last_name"), block_on("ssn"),
        ],
        u_max_pairs=5e6,
        train_without_term_frequencies=True,
    )  # fmt: skip


def _street_comparison() -> Any:
    """Number and street as one fact, for they move together."""
    import splink.comparison_level_library as cll
    import splink.comparison_library as cl

    return cl.CustomComparison(
        output_column_name="street",
        comparison_levels=[
            cll.NullLevel("street_name"),
            cll.And(cll.ExactMatchLevel("street_name"), cll.ExactMatchLevel("street_number")),
            cll.ExactMatchLevel("street_name").configure(tf_adjustment_column="street_name"),
            cll.DamerauLevenshteinLevel("street_name", 1),
            cll.ElseLevel(),
        ],
    )


def _secondstring_columns() -> dict[str, str]:
    names = ("surname", "given_name", "middle_initial", "street_number", "street")
    return clean(*names)


def secondstring_documented() -> Plan:
    import splink.comparison_library as cl
    from splink import block_on

    return Plan(
        link_type="link_only",
        columns=_secondstring_columns(),
        comparisons=[
            cl.NameComparison("given_name").configure(term_frequency_adjustments=True),
            cl.NameComparison("surname").configure(term_frequency_adjustments=True),
            cl.ExactMatch("middle_initial"),
            cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
            cl.JaroWinklerAtThresholds("street", [0.9]),
        ],
        blocking_rules=[
            block_on("given_name", "surname"),
            block_on("surname"),
            block_on("street_number", "street"),
        ],
        # no true pair has equal names here: a rule on names finds none, and Splink fails
        deterministic_rules=[block_on("street_number", "street", "middle_initial")],
        training_rules=[block_on("street_number"), block_on("street")],
        train_without_term_frequencies=True,
    )


def secondstring_best_effort() -> Plan:
    import splink.comparison_library as cl
    from splink import block_on

    documented = secondstring_documented()
    return replace(
        documented,
        comparisons=[
            *names_apart("given_name", "surname"),
            cl.ExactMatch("middle_initial").configure(term_frequency_adjustments=True),
            cl.DamerauLevenshteinAtThresholds("street_number", [1]).configure(
                term_frequency_adjustments=True
            ),
            cl.JaroWinklerAtThresholds("street", [0.9, 0.8]).configure(
                term_frequency_adjustments=True
            ),
        ],
        blocking_rules=[
            block_on("surname"),
            block_on("given_name"),
            block_on("street_number"),
            block_on("street", "substr(surname, 1, 1)"),
        ],
        u_max_pairs=5e6,
    )
