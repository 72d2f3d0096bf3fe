"""What a careful user of Splink would write for each labelled set, in two flavours.

`documented`: the settings of Splink's own notebooks for FEBRL 3, FEBRL 4 and fake_1000; the other
sets, which the notebooks do not treat, get the same recipe. `best_effort`: more and looser
blocking rules, term frequencies, joint name comparison, finer levels, u from more pairs and EM over
several rules, found by hand on these very sets with the truth at hand, which favours Splink.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

__all__ = ["FLAVOURS", "Plan", "make_plan"]

FLAVOURS: Final = ("documented", "best_effort")
Rule = Any  # a block_on(...) or plain SQL over l and r


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Columns to make from the raw ones, the settings, and how to train.

    `columns` maps a column's name to its SQL; `columns_by_source` overrides it for one source.
    """

    link_type: str
    columns: dict[str, str]
    comparisons: list[Any]
    blocking_rules: list[Rule]
    deterministic_rules: list[Rule]
    training_rules: list[Rule]
    deterministic_recall: float = 0.8
    u_max_pairs: float = 1e6
    train_without_term_frequencies: bool = False
    columns_by_source: dict[str, dict[str, str]] = field(default_factory=dict)

    def columns_of(self, source: str) -> dict[str, str]:
        return self.columns | self.columns_by_source.get(source, {})

    def settings(self) -> Any:
        from splink import SettingsCreator

        return SettingsCreator(
            link_type=self.link_type,
            unique_id_column_name="record_id",
            comparisons=self.comparisons,
            blocking_rules_to_generate_predictions=self.blocking_rules,
            retain_matching_columns=False,
            retain_intermediate_calculation_columns=False,
        )


def make_plan(set_name: str, flavour: str) -> Plan:
    """The plan for one set; needs the `accuracy` extra."""
    documented, best_effort = _PLANS[set_name]
    return documented() if flavour == "documented" else best_effort()


def _clean(*names: str) -> dict[str, str]:
    """Lower case, no blanks around, empty and ways to say nothing as null."""
    return {
        name.replace("-", "_"): f"nullif(nullif(nullif(trim(lower(\"{name}\")),''),'missing'),'na')"
        for name in names
    }


def _febrl_columns() -> dict[str, str]:
    return _clean(
        "given_name", "surname", "street_number", "address_1", "address_2", "suburb", "postcode",
        "state", "date_of_birth", "soc_sec_id",
    )  # fmt: skip


SWAPPED_NAMES: Final = "l.given_name = r.surname and l.surname = r.given_name"


def _febrl_documented(link_type: str = "dedupe_only") -> Plan:
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


def _febrl4_documented() -> Plan:
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


def _names_apart(given_name: str, surname: str) -> list[Any]:
    import splink.comparison_library as cl

    return [
        cl.NameComparison(name).configure(term_frequency_adjustments=True)
        for name in (given_name, surname)
    ]


def _names_comparison(given_name: str, surname: str) -> Any:
    """Both names jointly, swaps included, weighed by how rare the full name and each part are."""
    import splink.comparison_library as cl

    return cl.ForenameSurnameComparison(
        given_name, surname, forename_surname_concat_col_name="full_name"
    ).configure(term_frequency_adjustments=True)


def _date_comparison(column: str, date_format: str) -> Any:
    """Exact, one edit or transposition, two, same year and month or day, else."""
    import splink.comparison_level_library as cll
    import splink.comparison_library as cl

    year, month, day = (
        (1, 4), (5, 2), (7, 2),
    ) if date_format == "%Y%m%d" else ((1, 4), (6, 2), (9, 2))  # fmt: skip

    def part(side: str, place: tuple[int, int]) -> str:
        return f"substr({column}_{side}, {place[0]}, {place[1]})"

    swapped = " and ".join(
        f"{part('l', one)} = {part('r', other)}"
        for one, other in ((year, year), (month, day), (day, month))
    )
    return cl.CustomComparison(
        output_column_name=column,
        comparison_levels=[
            cll.NullLevel(column),
            cll.ExactMatchLevel(column).configure(tf_adjustment_column=column),
            cll.CustomLevel(swapped, label_for_charts="day and month swapped"),
            cll.DamerauLevenshteinLevel(column, 1),
            cll.DamerauLevenshteinLevel(column, 2),
            cll.CustomLevel(f"{part('l', year)} = {part('r', year)}", label_for_charts="same year"),
            cll.ElseLevel(),
        ],
    )


def _febrl_best_effort(link_type: str = "dedupe_only") -> Plan:
    import splink.comparison_library as cl
    from splink import block_on

    full_name = "nullif(concat_ws(' ', lower(trim(given_name)), lower(trim(surname))), '')"
    return Plan(
        link_type=link_type,
        columns=_febrl_columns() | {"full_name": full_name},
        comparisons=[
            *_names_apart("given_name", "surname"),
            _date_comparison("date_of_birth", "%Y%m%d"),
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


def _febrl_c_documented() -> Plan:
    """The febrl3 recipe, and the phone number that only this set has."""
    import splink.comparison_library as cl

    febrl = _febrl_documented()
    return replace(
        febrl,
        columns=febrl.columns | _clean("phone_number"),
        comparisons=[
            *febrl.comparisons,
            cl.DamerauLevenshteinAtThresholds("phone_number", [2]),
        ],
    )


def _febrl_c_best_effort() -> Plan:
    import splink.comparison_library as cl
    from splink import block_on

    febrl = _febrl_best_effort()
    return replace(
        febrl,
        columns=febrl.columns | _clean("phone_number"),
        comparisons=[
            *febrl.comparisons,
            cl.DamerauLevenshteinAtThresholds("phone_number", [1, 2]),
        ],
        blocking_rules=[*febrl.blocking_rules, block_on("phone_number")],
        training_rules=[*febrl.training_rules, block_on("phone_number")],
    )


def _fake_1000_documented() -> Plan:
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
    return _clean("first_name", "surname", "dob", "city", "email")


def _fake_1000_best_effort() -> Plan:
    import splink.comparison_library as cl
    from splink import block_on

    full_name = "nullif(concat_ws(' ', lower(trim(first_name)), lower(trim(surname))), '')"
    return Plan(
        link_type="dedupe_only",
        columns=_fake_1000_columns() | {"full_name": full_name},
        comparisons=[
            *_names_apart("first_name", "surname"),
            _date_comparison("dob", "%Y-%m-%d"),
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
    return _clean(*names, "art_number")


def _uganda_documented() -> Plan:
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
                "uganda_nin", "art_number", "phone_number", "date_of_birth", "given_name", "surname",
            )
        ],
        deterministic_rules=[
            block_on("uganda_nin"), block_on("art_number"),
            block_on("given_name", "surname", "date_of_birth"),
        ],
        deterministic_recall=0.9,
        training_rules=[block_on("date_of_birth"), block_on("surname")],
    )  # fmt: skip


def _uganda_best_effort() -> Plan:
    import splink.comparison_library as cl
    from splink import block_on

    full_name = "nullif(concat_ws(' ', lower(trim(given_name)), lower(trim(surname))), '')"
    columns = _uganda_columns() | {"full_name": full_name}
    for name in ("phone_number", "uganda_nin", "art_number"):
        columns[name] = f"nullif(regexp_replace(lower({name}), '[^a-z0-9]', '', 'g'), '')"
    return Plan(
        link_type="dedupe_only",
        columns=columns,
        comparisons=[
            *_names_apart("given_name", "surname"),
            _date_comparison("date_of_birth", "%Y%m%d"),
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
    return _clean(*names, "telephone-number", "credit-card-number")


def _geco_documented() -> Plan:
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


def _geco_best_effort() -> Plan:
    import splink.comparison_library as cl
    from splink import block_on

    full_name = 'nullif(concat_ws(\' \', lower(trim("given-name")), lower(trim(surname))), \'\')'
    columns = _geco_columns() | {"full_name": full_name}
    for name in ("telephone-number", "credit-card-number"):
        columns[name.replace("-", "_")] = f"nullif(replace(\"{name}\", ' ', ''), '')"
    return Plan(
        link_type="dedupe_only",
        columns=columns,
        comparisons=[
            *_names_apart("given_name", "surname"),
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
    full_name = "nullif(concat_ws(' ', lower(trim(first_name)), lower(trim(last_name))), '')"
    return _clean(*PEOPLE) | {"full_name": full_name}, {
        "census": _clean(*address) | {"ssn": empty},
        "social_security": {name: empty for name in address} | _clean("ssn"),
    }


def _pseudopeople_documented() -> Plan:
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


def _pseudopeople_best_effort() -> Plan:
    import splink.comparison_library as cl
    from splink import block_on

    columns, by_source = _pseudopeople_columns()
    return Plan(
        link_type="link_and_dedupe",
        columns=columns,
        columns_by_source=by_source,
        comparisons=[
            *_names_apart("first_name", "last_name"),
            cl.ExactMatch("middle_initial").configure(term_frequency_adjustments=True),
            _date_comparison("date_of_birth", "%Y-%m-%d"),
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
    full_name = "nullif(concat_ws(' ', lower(trim(given_name)), lower(trim(surname))), '')"
    return _clean(*names) | {"full_name": full_name}


def _secondstring_documented() -> Plan:
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
        deterministic_rules=[block_on("given_name", "surname")],
        training_rules=[block_on("given_name"), block_on("street")],
        train_without_term_frequencies=True,
    )


def _secondstring_best_effort() -> Plan:
    import splink.comparison_library as cl
    from splink import block_on

    documented = _secondstring_documented()
    return replace(
        documented,
        comparisons=[
            *_names_apart("given_name", "surname"),
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


_Maker = Callable[[], Plan]
_PLANS: Final[dict[str, tuple[_Maker, _Maker]]] = {
    "febrl1": (_febrl_documented, _febrl_best_effort),
    "febrl2": (_febrl_documented, _febrl_best_effort),
    "febrl3": (_febrl_documented, _febrl_best_effort),
    "febrl4": (_febrl4_documented, lambda: _febrl_best_effort("link_only")),
    "febrl_c": (_febrl_c_documented, _febrl_c_best_effort),
    "fake_1000": (_fake_1000_documented, _fake_1000_best_effort),
    "uganda_opencr": (_uganda_documented, _uganda_best_effort),
    "geco": (_geco_documented, _geco_best_effort),
    "pseudopeople": (_pseudopeople_documented, _pseudopeople_best_effort),
    "pseudopeople_raw": (_pseudopeople_documented, _pseudopeople_best_effort),
    "secondstring_census": (_secondstring_documented, _secondstring_best_effort),
}
