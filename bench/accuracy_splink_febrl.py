"""Splink settings for the FEBRL sets."""

from __future__ import annotations

from dataclasses import replace

from bench.accuracy_splink_parts import SWAPPED_NAMES, Plan, clean, date_comparison, names_apart

__all__ = [
    "febrl4_documented",
    "febrl_best_effort",
    "febrl_c_best_effort",
    "febrl_c_documented",
    "febrl_documented",
]


def _febrl_columns() -> dict[str, str]:
    return clean(
        "given_name", "surname", "street_number", "address_1", "address_2", "suburb", "postcode",
        "state", "date_of_birth", "soc_sec_id",
    )  # fmt: skip


def febrl_documented(link_type: str = "dedupe_only") -> Plan:
    """The febrl3 notebook."""
    import splink.comparison_library as cl
    from splink import block_on

    return Plan(
        link_type=link_type,
        columns=_febrl_columns(),
        comparisons=[
            cl.NameComparison("given_name"),
            cl.NameComparison("surname"),
            cl.DateOfBirthComparison(
                "date_of_birth", input_is_string=True, datetime_format="%Y%m%d"
            ),
            cl.DamerauLevenshteinAtThresholds("soc_sec_id", [2]),
            cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
            cl.ExactMatch("postcode").configure(term_frequency_adjustments=True),
        ],
        blocking_rules=[
            block_on("soc_sec_id"),
            block_on("given_name"),
            block_on("surname"),
            block_on("date_of_birth"),
            block_on("postcode"),
        ],
        deterministic_rules=[
            block_on("soc_sec_id"),
            block_on("given_name", "surname", "date_of_birth"),
            SWAPPED_NAMES + " and l.date_of_birth = r.date_of_birth",
        ],
        deterministic_recall=0.9,
        training_rules=[block_on("date_of_birth"), block_on("postcode")],
    )


def febrl4_documented() -> Plan:
    """The detailed model of the febrl4 notebook."""
    import splink.comparison_library as cl
    from splink import block_on

    return Plan(
        link_type="link_only",
        columns=_febrl_columns(),
        comparisons=[
            cl.NameComparison("given_name").configure(term_frequency_adjustments=True),
            cl.NameComparison("surname").configure(term_frequency_adjustments=True),
            cl.DateOfBirthComparison(
                "date_of_birth", input_is_string=True, datetime_format="%Y%m%d"
            ),
            cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]),
            cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
            cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]).configure(
                term_frequency_adjustments=True
            ),
        ],
        blocking_rules=[
            block_on("given_name", "surname"),
            SWAPPED_NAMES,
            block_on("date_of_birth"),
            block_on("soc_sec_id"),
            block_on("state", "address_1"),
            block_on("street_number", "address_1"),
            block_on("postcode"),
        ],
        deterministic_rules=[
            block_on("soc_sec_id"),
            block_on("given_name", "surname", "date_of_birth"),
        ],
        training_rules=[block_on("date_of_birth"), block_on("postcode")],
        train_without_term_frequencies=True,
    )


def febrl_best_effort(link_type: str = "dedupe_only") -> Plan:
    import splink.comparison_library as cl
    from splink import block_on

    return Plan(
        link_type=link_type,
        columns=_febrl_columns(),
        comparisons=[
            *names_apart("given_name", "surname"),
            date_comparison("date_of_birth", "%Y%m%d"),
            cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]),
            cl.DamerauLevenshteinAtThresholds("street_number", [1]).configure(
                term_frequency_adjustments=True
            ),
            cl.JaroWinklerAtThresholds("address_1", [0.92, 0.8]).configure(
                term_frequency_adjustments=True
            ),
            cl.JaroWinklerAtThresholds("suburb", [0.92, 0.8]).configure(
                term_frequency_adjustments=True
            ),
            cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]).configure(
                term_frequency_adjustments=True
            ),
        ],
        blocking_rules=[
            block_on("soc_sec_id"),
            block_on("date_of_birth"),
            block_on("given_name", "surname"),
            SWAPPED_NAMES,
            block_on("address_1"),
            block_on("postcode", "street_number"),
            block_on("suburb", "street_number"),
            block_on("surname", "postcode"),
            block_on("given_name", "suburb"),
            block_on("substr(soc_sec_id, 1, 4)"),
            block_on("substr(soc_sec_id, 4, 4)"),
            block_on("surname", "substr(date_of_birth, 1, 4)"),
            block_on("given_name", "substr(date_of_birth, 1, 4)"),
            block_on("postcode", "substr(date_of_birth, 5, 4)"),
        ],
        deterministic_rules=[
            block_on("soc_sec_id"),
            block_on("given_name", "surname", "date_of_birth"),
            SWAPPED_NAMES + " and l.date_of_birth = r.date_of_birth",
        ],
        deterministic_recall=0.9,
        training_rules=[
            block_on("date_of_birth"), block_on("soc_sec_id"), block_on("postcode"),
            block_on("given_name", "surname"),
        ],
        u_max_pairs=5e6,
        train_without_term_frequencies=True,
    )  # fmt: skip


def febrl_c_documented() -> Plan:
    """The febrl3 recipe, and the phone number that only this set has."""
    import splink.comparison_library as cl

    febrl = febrl_documented()
    return replace(
        febrl,
        columns=febrl.columns | clean("phone_number"),
        comparisons=[
            *febrl.comparisons,
            cl.DamerauLevenshteinAtThresholds("phone_number", [2]),
        ],
    )


def febrl_c_best_effort() -> Plan:
    import splink.comparison_library as cl
    from splink import block_on

    febrl = febrl_best_effort()
    return replace(
        febrl,
        columns=febrl.columns | clean("phone_number"),
        comparisons=[
            *febrl.comparisons,
            cl.DamerauLevenshteinAtThresholds("phone_number", [1, 2]),
        ],
        blocking_rules=[*febrl.blocking_rules, block_on("phone_number")],
        training_rules=[*febrl.training_rules, block_on("phone_number")],
    )
