"""Made-up numbers of a realistic run, to look at a report: `python -m tests.mpi.report_example`.

No person's value is in here but the few of the example pairs, which are invented.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pyarrow as pa

from mpi.calibration import (
    Thresholds,
    expected_curve,
    match_probability,
    precision_recall_curve,
    reliability_table,
)
from mpi.report import Evaluated, ReportData, WaterfallExample, WaterfallStep, write_report
from mpi.report_data import (
    BLOCKING,
    COMPARISONS,
    FIELD_QUALITY,
    LARGEST_RUNS,
    cluster_size_table,
    unlinkables_curve,
    weight_histogram,
)

LEVELS = {
    "name": {
        "exact": (0.86, 2.1e-5),
        "same pinyin": (0.05, 1.4e-4),
        "fuzzy pinyin": (0.02, 4e-4),
        "similar character": (0.02, 2e-4),
        "one character missing or swapped": (0.03, 6e-4),
        "else": (0.02, 0.9986),
    },
    "national id": {
        "same body": (0.91, 3e-9),
        "one digit or transposition": (0.05, 2e-7),
        "same birth date and region": (0.01, 6e-7),
        "else": (0.03, 0.9999992),
    },
    "birth date": {
        "exact": (0.94, 3.6e-5),
        "day and month swapped": (0.01, 3e-5),
        "one digit": (0.03, 1.2e-3),
        "same year": (0.01, 0.014),
        "else": (0.01, 0.9847),
    },
    "gender": {"equal": (0.992, 0.5), "different": (0.008, 0.5)},
    "phone": {"any equal": (0.62, 2e-6), "one digit": (0.04, 5e-6), "else": (0.34, 0.999993)},
    "household (region, address)": {
        "same county, same numbers": (0.44, 6e-5),
        "same county, similar street": (0.2, 1.5e-3),
        "same county": (0.2, 0.004),
        "same prefecture": (0.1, 0.01),
        "else": (0.06, 0.98444),
    },
}
SOURCES = ("市第一人民医院", "妇幼保健院.parquet", "community_clinics_2024.csv")
FIELDS = {
    "name": (0.985, {"no Han or Latin letter": 0.001}),
    "id_number": (0.84, {"check digit": 0.012, "birth date inside": 0.003, "length": 0.002}),
    "birth_date": (0.97, {"not a date": 0.004, "in the future": 0.0005}),
    "gender": (0.995, {"unknown word": 0.001}),
    "phone": (0.71, {"too short": 0.01}),
    "region_code": (0.9, {"no such code": 0.006}),
    "address": (0.8, {}),
    "former_name": (0.03, {}),
}


def scored_pairs(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Patterns, their counts, and whether they are matches; a slightly overconfident model."""
    random = np.random.default_rng(seed)
    weights = np.concatenate([random.normal(38, 11, 1500), random.normal(-15, 6, 2500)])
    counts = np.maximum(random.pareto(0.9, weights.size) * 30, 1).astype(np.int64)
    counts = np.minimum(counts, 60_000)
    matches = random.binomial(counts, match_probability(weights * 0.8))
    truth = np.repeat([True, False], weights.size)
    return np.tile(weights, 2), np.concatenate([matches, counts - matches]), truth


def comparisons() -> pa.Table:
    rows = []
    for comparison, levels in LEVELS.items():
        for level, (m, u) in levels.items():
            rows.append(
                {
                    "comparison": comparison,
                    "level": level,
                    "m_probability": m,
                    "u_probability": u,
                    "match_weight": float(np.log2(m / u)),
                    "candidate_pairs": int(812_345 * (0.3 * m + 0.7 * u)),
                    "linked_pairs": int(301_222 * (0.97 * m + 0.03 / len(levels))),
                }
            )
    return pa.Table.from_pylist(rows, COMPARISONS)


def examples() -> tuple[WaterfallExample, ...]:
    zones = {
        "MATCH": ("exact", "same body", "exact", "equal", "any equal", "same county"),
        "POSSIBLE_MATCH": ("exact", "missing", "one digit", "equal", "else", "same county"),
        "NO_MATCH": ("else", "else", "exact", "different", "missing", "same prefecture"),
    }
    shown = {"name": ("欧阳修远", "歐陽修遠"), "birth date": ("1987-03-12", "1987-03-21")}
    pairs = []
    for index, (decision, levels) in enumerate(zones.items()):
        steps = []
        for (comparison, known), level in zip(LEVELS.items(), levels):
            m, u = known.get(level, (1.0, 1.0))
            left, right = shown.get(comparison, (None, None))
            steps.append(
                WaterfallStep(
                    comparison=comparison,
                    level=level,
                    match_weight=float(np.log2(m / u)),
                    term_frequency_adjustment=3.2
                    if level == "exact" and comparison == "name" and index == 0
                    else 0.0,
                    value_left=left,
                    value_right=right,
                )
            )
        total = -21.5 + sum(s.match_weight + s.term_frequency_adjustment for s in steps)
        pairs.append(
            WaterfallExample(
                decision=decision,
                record_left=f"{SOURCES[0]}/A-{1000 + index}",
                record_right=f"{SOURCES[2]}/{77 * (index + 3)}",
                prior_match_weight=-21.5,
                match_weight=total,
                match_probability=float(match_probability(np.array([total]))[0]),
                steps=tuple(steps),
                note="Just under the link line." if decision == "POSSIBLE_MATCH" else None,
            )
        )
    return tuple(pairs)


def field_quality() -> pa.Table:
    rows = []
    for index, source in enumerate(SOURCES):
        records = (412_000, 198_500, 389_500)[index]
        for name, (valid, reasons) in FIELDS.items():
            valid_here = valid * (1 - 0.08 * index)
            invalid = {reason: int(records * share) for reason, share in reasons.items()}
            counts = [("valid", None, int(records * valid_here))]
            counts += [("invalid", reason, count) for reason, count in invalid.items()]
            missing = records - sum(count for *_, count in counts)
            counts.append(("missing", None, missing))
            rows += [
                {
                    "source": source,
                    "field": name,
                    "status": status,
                    "reason": reason,
                    "records": count,
                }
                for status, reason, count in counts
            ]
    return pa.Table.from_pylist(rows, FIELD_QUALITY)


def blocking() -> tuple[pa.Table, pa.Table]:
    rules = {
        "id_number": (812_000, 251_300, 37, 1.9),
        "phone": (640_000, 88_412, 6_210, 2.4),
        "name:syllables + birth_date": (955_000, 41_870, 88, 2.2),
        "name:surname_syllable + birth_date + region:prefecture": (841_000, 312_004, 3_411, 3.1),
        "name:sorted_syllables + birth_date:year + gender": (951_000, 1_118_759, 12_904, 4.8),
    }
    rows = [
        {
            "rule": name,
            "keyed_records": keyed,
            "unkeyed_records": 1_000_000 - keyed,
            "blocks": keyed // 3,
            "pairs": pairs,
            "largest_run": run,
            "refined_runs": run // 1000,
            "window_runs": run // 6000,
            "seconds": seconds,
        }
        for name, (keyed, pairs, run, seconds) in rules.items()
    ]
    runs = [
        ("name:sorted_syllables + birth_date:year + gender", 12_904, "refined by region, window"),
        ("phone", 6_210, "refined by name:surname_syllable, window of 200"),
        ("name:surname_syllable + birth_date + region:prefecture", 3_411, "refined by name"),
        ("name:syllables + birth_date", 88, None),
    ]
    largest = [{"rule": rule, "records": size, "treatment": done} for rule, size, done in runs]
    return (
        pa.Table.from_pylist(rows, BLOCKING),
        pa.Table.from_pylist(largest, LARGEST_RUNS),
    )


def run() -> dict[str, object]:
    return {
        "command": "mpi dedupe 市第一人民医院 妇幼保健院.parquet community_clinics_2024.csv",
        "version": "0.1.0",
        "started": "2026-11-22 09:14",
        "inputs": [
            {"path": name, "rows": rows, "sha256": f"{index:064x}"}
            for index, (name, rows) in enumerate(zip(SOURCES, (412_000, 198_500, 389_500)))
        ],
        "parameters": {"clustering": "constrained", "seed": 0, "memory": "8GiB", "strict": False},
        "versions": {"python": "3.11.2", "numpy": "2.4.6", "numba": "0.66", "pyarrow": "26.0.1"},
        "counts": {
            "records": 1_000_000,
            "candidate_pairs": 1_812_345,
            "links": 301_222,
            "review_pairs": 1_904,
            "clusters": 742_118,
            "refused_merges": 37,
            "rejected_rows": 12,
        },
        "seconds": {
            "read and encode": 1.31,
            "train": 1.9,
            "block and score": 4.42,
            "cluster": 0.61,
            "write": 0.74,
            "report": 0.9,
        },
        "peak_memory_bytes": 913_000_000,
    }


def lines_at(
    weights: np.ndarray, counts: np.ndarray, *, link: float = 9.0, review: float = -4.0
) -> Thresholds:
    """Two lines, and what the weights themselves promise of them."""
    probability = match_probability(weights)
    linked, shown = weights >= link, (weights >= review) & (weights < link)
    matches = float((counts * probability).sum())
    found = float((counts * probability)[linked].sum())
    to_review = float((counts * probability)[shown].sum())
    links = int(counts[linked].sum())
    return Thresholds(
        link_weight=link,
        review_weight=review,
        links=links,
        expected_precision=found / links if links else 1.0,
        expected_recall=found / matches if matches else 1.0,
        expected_recall_with_review=(found + to_review) / matches if matches else 1.0,
        expected_matches=matches,
        expected_false_links=links - found,
        expected_missed_matches=matches - found - to_review,
        review_pairs=int(counts[shown].sum()),
        review_expected_matches=to_review,
        review_pairs_cut=0,
        link_limited_by="false_link_rate",
        review_limited_by="probability",
    )


def example_report(*, with_truth: bool = True) -> ReportData:
    """A full report; with a truth, the sections that need one are filled too."""
    weights, counts, truth = scored_pairs(5)
    thresholds = lines_at(weights, counts)
    decision = np.select(
        [weights >= thresholds.link_weight, weights >= thresholds.review_weight],
        ["MATCH", "POSSIBLE_MATCH"],
        "NO_MATCH",
    )
    random = np.random.default_rng(1)
    rules, runs = blocking()
    report = ReportData(
        run=run(),
        thresholds=thresholds,
        weight_histogram=weight_histogram(weights, counts, decision, thresholds=thresholds),
        comparisons=comparisons(),
        blocking=rules,
        largest_runs=runs,
        cluster_sizes=cluster_size_table(
            np.concatenate([random.geometric(0.76, 740_000), [14, 17, 23, 61]])
        ),
        examples=examples(),
        field_quality=field_quality(),
        unlinkables=unlinkables_curve(
            np.concatenate([random.normal(41, 6, 9000), random.normal(6, 5, 600)])
        ),
        calibration=expected_curve(weights, counts, point_count_max=300),
        model={
            "probability_two_random_records_match": 3.4e-7,
            "prior_match_weight": -21.5,
            "training": "expectation maximisation over 4 blocking rules",
            "em_iterations": 14,
        },
        warnings=(
            "The estimated m of 'phone: one digit' rests on 41 pairs; the shipped value was kept.",
        ),
        title="Record linkage report: 居民主索引",
    )
    if not with_truth:
        return report
    curve = precision_recall_curve(weights, truth, counts, matches_total=305_000)
    return replace(
        report,
        evaluation=Evaluated(
            measures={
                "precision": 0.99987,
                "recall": 0.9861,
                "f1": 0.99293,
                "b_cubed_f1": 0.99514,
                "false_merges_per_10_000_entities": 0.31,
                "false_merges": 23,
            },
            curve=curve.to_table(),
            reliability=reliability_table(weights, truth, counts),
        ),
    )


if __name__ == "__main__":
    write_report(example_report(), sys.argv[1] if len(sys.argv) > 1 else "report.html")
