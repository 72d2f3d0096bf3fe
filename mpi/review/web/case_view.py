"""A case as the page lays it out: columns, rows, waterfall, graph, golden records.

`view_case` turns a plain, masked case (`mpi.review.types.Case`) into plain values; the template
draws them, and the JSON of the page is the same dict. Identities are called A, B, C ... in the
order of the case, their records A1, A2, B1 ...
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from mpi.review.web.case_rows import golden_rows, marks_used, record_rows, region_fields

Plain = Mapping[str, Any]

__all__ = ["COLUMNS_MAX", "labels_of", "reference_of", "view_case"]

COLUMNS_MAX: Final = 6
"""More records than this are shown as lines instead of columns."""

GRAPH_RECORDS_MAX: Final = 40
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def view_case(
    case: Plain,
    *,
    review_line: float,
    link_line: float,
    pair: int | None = None,
    changes: Sequence[Collection[str]] = (),
) -> dict[str, Any]:
    """Lay a case out.

    Parameters
    ----------
    case : masked for the person who asks
    review_line, link_line : of the model, bits
    pair : place in `case["pairs"]` of the pair to look at closely, None for the one asked about
    changes : fields whose golden value a merge would change, for each identity

    Returns
    -------
    plain values, the same for the page and for its JSON
    """
    is_blind = case["task"]["kind"] == "AUDIT" and case["task"]["status"] != "closed"
    letters = _letters(case)
    labels = ["1", "2"] if is_blind else labels_of(case)
    # A blind judge sees two records, and nothing of what the machine made of them.
    chosen = None if is_blind else _chosen_pair(case, pair)
    shown = None if chosen is None else case["pairs"][chosen]
    is_across = len(case["records"]) > COLUMNS_MAX
    rows = record_rows(case["records"], shown)
    return {
        "task": case["task"],
        "is_blind": is_blind,
        "identities": [] if is_blind else _identities(case, letters),
        "records": _columns(case, labels),
        "rows": [row for row in rows if row["is_stated"] and not (is_across and row["is_sealed"])],
        "unstated": [row["name"] for row in rows if not row["is_stated"]],
        "sealed": [row["name"] for row in rows if is_across and row["is_sealed"]],
        "marks": marks_used(rows),
        "is_across": is_across,
        "pair": None if shown is None else _pair(case, chosen, labels, letters),
        "pairs": []
        if is_blind
        else [_pair_line(case, place, labels) for place in range(len(case["pairs"]))],
        "waterfall": None if shown is None else _waterfall(shown, review_line, link_line),
        "lines": {"review": review_line, "link": link_line},
        "graph": None if is_blind else _graph(case, labels, letters, review_line, link_line),
        "golden": golden_rows(
            case["golden_now"],
            case["golden_after"],
            order=[row["name"] for row in rows],
            changes=changes,
            regions=region_fields(case["records"]),
        ),
        "look_alikes": [dict(each) for each in case["look_alikes"]],
        "decisions": _decisions(case, labels),
        "history": [dict(each) for each in case["history"]],
        "second_approval_needed": case["second_approval_needed"],
        "records_left_out": case["records_left_out"],
        "values_kept": case["values_kept"],
    }


# ------------------------------------------------------------------------- who is who


def _order(case: Plain) -> list[str]:
    """Enterprise ids in the order of the case; those that only records name come last."""
    named = list(case["task"]["enterprise_ids"])
    return named + sorted({each["enterprise_id"] for each in case["records"]} - set(named))


def _letters(case: Plain) -> dict[str, int]:
    return {enterprise_id: place for place, enterprise_id in enumerate(_order(case))}


def _letter(place: int) -> str:
    return _LETTERS[place] if place < len(_LETTERS) else f"Z{place - len(_LETTERS) + 1}"


def labels_of(case: Plain) -> list[str]:
    """What each record is called on the page: A1, A2, B1 ...

    Parameters
    ----------
    case : its records are grouped by identity
    """
    letters, counts, result = _letters(case), dict[str, int](), []
    for each in case["records"]:
        counts[each["enterprise_id"]] = counts.get(each["enterprise_id"], 0) + 1
        result.append(f"{_letter(letters[each['enterprise_id']])}{counts[each['enterprise_id']]}")
    return result


def reference_of(source: str, record_id: str) -> str:
    """One text for a record, as forms send it; `json.loads` gives both parts back.

    Parameters
    ----------
    source, record_id : of the record
    """
    return json.dumps([source, record_id], ensure_ascii=False)


def _identities(case: Plain, letters: Mapping[str, int]) -> list[dict[str, Any]]:
    names = dict(zip(case["task"]["enterprise_ids"], case["task"]["title_names"], strict=False))
    return [
        {
            "place": place,
            "letter": _letter(place),
            "enterprise_id": enterprise_id,
            "name": names.get(enterprise_id, ""),
            "records": sum(each["enterprise_id"] == enterprise_id for each in case["records"]),
        }
        for enterprise_id, place in letters.items()
    ]


def _columns(case: Plain, labels: Sequence[str]) -> list[dict[str, Any]]:
    letters, before = _letters(case), None
    result = []
    for label, each in zip(labels, case["records"], strict=True):
        result.append(
            {
                "label": label,
                "place": letters[each["enterprise_id"]],
                "starts_identity": each["enterprise_id"] != before and before is not None,
                "enterprise_id": each["enterprise_id"],
                "source": each["source"],
                "record_id": each["record_id"],
                "reference": reference_of(each["source"], each["record_id"]),
                "has_masked": any(field.get("masked", False) for field in each["fields"]),
                "updated_at": each["updated_at"],
                "added_at": each["added_at"],
                "flags": list(each["flags"]),
                "compared_with": None
                if each["compared_with"] is None
                else labels[each["compared_with"]],
            }
        )
        before = each["enterprise_id"]
    return result


# ------------------------------------------------------------------------- pairs and weights


def _chosen_pair(case: Plain, wanted: int | None) -> int | None:
    if wanted is not None and 0 <= wanted < len(case["pairs"]):
        return wanted
    asked = (place for place, pair in enumerate(case["pairs"]) if pair["asked"])
    return next(asked, 0 if case["pairs"] else None)


def _pair_line(case: Plain, place: int, labels: Sequence[str]) -> dict[str, Any]:
    pair = case["pairs"][place]
    return {
        "place": place,
        "left": labels[pair["left"]],
        "right": labels[pair["right"]],
        "match_weight": pair["match_weight"],
        "match_probability": pair["match_probability"],
        "decision": pair["decision"],
        "rules": list(pair["rules"]),
        "why_not_automatic": list(pair["why_not_automatic"]),
        "asked": pair["asked"],
    }


def _pair(
    case: Plain, place: int | None, labels: Sequence[str], letters: Mapping[str, int]
) -> dict[str, Any]:
    assert place is not None
    pair = case["pairs"][place]
    identities = (
        letters[case["records"][side]["enterprise_id"]] for side in (pair["left"], pair["right"])
    )
    return _pair_line(case, place, labels) | {
        "columns": [pair["left"], pair["right"]],
        "identities": list(identities),
    }


def _without_head(words: str) -> str:
    """The finding without the name of the comparison, which has a column of its own."""
    return re.sub(r"^[^:：]*[:：]\s*", "", words) or words


def _waterfall(pair: Plain, review_line: float, link_line: float) -> dict[str, Any]:
    """Steps with the weight before and after each, on one axis with the two lines."""
    steps, before = [], 0.0
    for step in pair["steps"]:
        kind = "none" if abs(step["bits"]) < 0.005 else "for" if step["bits"] > 0 else "against"
        steps.append(
            dict(step)
            | {
                "words_zh": _without_head(step["words_zh"]),
                "words_en": _without_head(step["words_en"]),
                "before": before,
                "after": step["running"],
                "kind": "start" if step["comparison"] == "prior" else kind,
            }
        )
        before = step["running"]
    reached = [0.0, review_line, link_line, *(step["after"] for step in steps)]
    low, high = min(reached), max(reached)
    room = 0.04 * max(high - low, 1.0)
    return {
        "scale": {
            "low": low - room,
            "high": high + room,
            "review": review_line,
            "link": link_line,
        },
        "steps": steps,
        "match_weight": pair["match_weight"],
        "match_probability": pair["match_probability"],
        "sum": {"before": 0.0, "after": pair["match_weight"], "kind": "sum"},
    }


# ------------------------------------------------------------------------- the graph


def _graph(
    case: Plain,
    labels: Sequence[str],
    letters: Mapping[str, int],
    review_line: float,
    link_line: float,
) -> dict[str, Any] | None:
    """Nodes by identity and edges by kind; None where there is nothing, or too much, to draw."""
    if not 2 <= len(case["records"]) <= GRAPH_RECORDS_MAX:
        return None
    groups: list[list[int]] = [[] for _ in letters]
    for place, each in enumerate(case["records"]):
        groups[letters[each["enterprise_id"]]].append(place)
    weights = {(left, right): weight for left, right, weight in case["edges"]}
    weights |= {(pair["left"], pair["right"]): pair["match_weight"] for pair in case["pairs"]}
    decided = _decided_pairs(case)
    labelled = _labelled_pairs(case)
    edges = []
    for (left, right), weight in sorted(weights.items()):
        kind = "link" if weight >= link_line else "review" if weight >= review_line else "separate"
        decision = decided.pop(frozenset((left, right)), None)
        if kind == "separate" and decision is None and (left, right) not in labelled:
            continue  # unlike pairs would only hide the others
        text = f"{weight:.1f}" if (left, right) in labelled else ""
        edges.append(_edge(left, right, weight, decision or kind, text))
    for pair, decision in decided.items():
        left, right = sorted(pair)
        edges.append(_edge(left, right, 0.0, decision, ""))
    return {
        "groups": [group for group in groups if group],
        "labels": list(labels),
        "edges": edges,
        "kinds": sorted({edge["kind"] for edge in edges}),
    }


def _edge(left: int, right: int, weight: float, kind: str, label: str) -> dict[str, Any]:
    return {"left": left, "right": right, "weight": weight, "kind": kind, "label": label}


def _decided_pairs(case: Plain) -> dict[frozenset[int], str]:
    places = {
        (each["source"], each["record_id"]): place for place, each in enumerate(case["records"])
    }
    result = {}
    for each in case["decisions"]:
        if tuple(each["left"]) in places and tuple(each["right"]) in places:
            result[frozenset((places[tuple(each["left"])], places[tuple(each["right"])]))] = each[
                "verdict"
            ].lower()
    return result


def _labelled_pairs(case: Plain) -> set[tuple[int, int]]:
    """The heaviest pair between each two identities; of one identity in few records, all pairs."""
    if len(case["task"]["enterprise_ids"]) == 1 and len(case["records"]) <= 4:
        return {(left, right) for left, right, _ in case["edges"]} | {
            (pair["left"], pair["right"]) for pair in case["pairs"]
        }
    found: dict[frozenset[str], tuple[int, int]] = {}
    for pair in case["pairs"]:
        two = frozenset(
            case["records"][side]["enterprise_id"] for side in (pair["left"], pair["right"])
        )
        found.setdefault(two, (pair["left"], pair["right"]))
    return set(found.values())


# ------------------------------------------------------------------------- decisions


def _decisions(case: Plain, labels: Sequence[str]) -> list[dict[str, Any]]:
    places = {
        (each["source"], each["record_id"]): label
        for label, each in zip(labels, case["records"], strict=True)
    }
    return [
        dict(each)
        | {
            "left_label": places.get(tuple(each["left"]), "/".join(each["left"])),
            "right_label": places.get(tuple(each["right"]), "/".join(each["right"])),
        }
        for each in case["decisions"]
    ]
