"""Drawings of the pages as inline SVG: no script, no style of their own, readable aloud.

Every function takes plain values and returns safe markup. Colours come from classes in
review.css, so that light, dark and print are one drawing; nothing is told by colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup, escape

__all__ = [
    "DRAWINGS",
    "SHAPES",
    "bars",
    "cluster_graph",
    "hatches",
    "shape",
    "step_bar",
    "whiskers",
]

SHAPES: Final = ("circle", "square", "triangle", "diamond", "pentagon", "hexagon")
"""Of identities A, B, C ... in this order, then again from the start."""

_SIDES: Final = {"triangle": (3, -90), "diamond": (4, -90), "pentagon": (5, -90), "hexagon": (6, 0)}
_GRAPH_WIDTH: Final = 460.0
_NODE_RADIUS: Final = 14.0


def hatches() -> Markup:
    """Patterns that the drawings of a page share; put once into its body."""
    return Markup(
        '<svg class="hidden-text" aria-hidden="true" focusable="false" width="0" height="0"><defs>'
        '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><line class="hatch-line" x1="1" y1="0" x2="1" y2="6"/>'
        '</pattern><pattern id="hatch-quiet" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><line class="hatch-quiet-line" x1="1" y1="0" x2="1" y2="6"/>'
        "</pattern></defs></svg>"
    )


def _points(kind: str, x: float, y: float, radius: float) -> str:
    sides, start = _SIDES[kind]
    corners = (math.radians(start + 360 * corner / sides) for corner in range(sides))
    return " ".join(
        f"{x + radius * math.cos(a):.1f},{y + radius * math.sin(a):.1f}" for a in corners
    )


def _outline(place: int, x: float, y: float, radius: float, css: str) -> Markup:
    """The shape of an identity around a point."""
    kind = SHAPES[place % len(SHAPES)]
    if kind == "circle":
        return Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{:.1f}"/>').format(
            css, x, y, radius
        )
    if kind == "square":
        half = 0.88 * radius
        return Markup(
            '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>'
        ).format(css, x - half, y - half, 2 * half, 2 * half)
    grown = radius * (1.35 if kind == "triangle" else 1.15)
    return Markup('<polygon class="{}" points="{}"/>').format(css, _points(kind, x, y, grown))


def shape(place: int) -> Markup:
    """The small sign of an identity, filled with the colour of the text beside it.

    Parameters
    ----------
    place : of the identity in its case, from 0
    """
    kind = SHAPES[place % len(SHAPES)]
    if kind == "circle":
        inner = Markup('<circle cx="8" cy="8" r="6.5" fill="currentColor"/>')
    elif kind == "square":
        inner = Markup('<rect x="2" y="2" width="12" height="12" fill="currentColor"/>')
    else:
        y = 9.5 if kind == "triangle" else 8
        inner = Markup('<polygon points="{}" fill="currentColor"/>').format(_points(kind, 8, y, 8))
    return Markup('<svg viewBox="0 0 16 16" aria-hidden="true" focusable="false">{}</svg>').format(
        inner
    )


def step_bar(step: Mapping[str, Any], scale: Mapping[str, Any]) -> Markup:
    """One row of a waterfall: the bar from the weight before to the weight after.

    The words beside it say the same, so that it is hidden from screen readers. Bars against are
    hatched, the two lines stand where the model draws them.

    Parameters
    ----------
    step : 'before' and 'after' in bits; 'kind' is start, for, against, none or sum
    scale : 'low' and 'high' end of the axis, 'review' and 'link' lines or None, in bits
    """
    low, high = float(scale["low"]), float(scale["high"])

    def at(bits: float) -> float:
        return 100 * (bits - low) / (high - low)

    parts = []
    for name in ("review", "link"):
        if scale[name] is not None:
            parts.append(
                Markup('<line class="line-{}" x1="{:.2f}%" x2="{:.2f}%" y1="0" y2="100%"/>').format(
                    name, at(scale[name]), at(scale[name])
                )
            )
    parts.append(
        Markup('<line class="zero" x1="{0:.2f}%" x2="{0:.2f}%" y1="0" y2="100%"/>').format(at(0.0))
    )
    before, after = at(step["before"]), at(step["after"])
    width = abs(after - before)
    fill = Markup(' fill="url(#hatch)"') if step["kind"] == "against" else ""
    parts.append(
        Markup(
            '<rect class="step-{}"{} x="{:.2f}%" width="{:.2f}%" y="50%" height="16" rx="2" '
            'transform="translate(0 -8)"/>'
        ).format(step["kind"], fill, min(before, after), max(width, 0.25))
    )
    if step["kind"] != "sum":
        parts.append(
            Markup('<line class="join" x1="{0:.2f}%" x2="{0:.2f}%" y1="50%" y2="100%"/>').format(
                after
            )
        )
    return Markup('<svg aria-hidden="true" focusable="false">{}</svg>').format(
        Markup("").join(parts)
    )


def _places(groups: Sequence[int]) -> tuple[list[tuple[float, float]], list[float], float]:
    """Centres and radii of identities side by side in rows, and the height of all."""
    radii = [
        _NODE_RADIUS + 16
        if count == 1
        else max(_NODE_RADIUS + 46, 17.0 * count / math.pi + _NODE_RADIUS + 16)
        for count in groups
    ]
    columns = len(groups) if len(groups) <= 3 else math.ceil(len(groups) / 2)
    rows = [
        range(start, min(start + columns, len(groups))) for start in range(0, len(groups), columns)
    ]
    centres, top = [], 8.0
    for row in rows:
        tallest = max(radii[place] for place in row)
        free = max(_GRAPH_WIDTH - 2 * sum(radii[place] for place in row), 40.0 * len(row))
        gap = free / len(row)
        x = gap / 2
        for number, place in enumerate(row):
            # Every other one hangs lower, so that edges over a neighbour stay visible.
            lift = 14.0 if len(row) > 2 and number % 2 else 0.0
            centres.append((x + radii[place], top + tallest + lift + 12))
            x += 2 * radii[place] + gap
        top += 2 * tallest + 40
    return centres, radii, top + 8


def _node_places(
    groups: Sequence[Sequence[int]],
) -> tuple[dict[int, tuple[float, float]], list[tuple[float, float]], list[float], float]:
    centres, radii, height = _places([len(group) for group in groups])
    nodes: dict[int, tuple[float, float]] = {}
    for (x, y), radius, group in zip(centres, radii, groups, strict=True):
        ring = 0.0 if len(group) == 1 else radius - _NODE_RADIUS - 10
        for number, record in enumerate(group):
            angle = 2 * math.pi * number / len(group) - math.pi / 2
            nodes[record] = (x + ring * math.cos(angle), y + ring * math.sin(angle))
    return nodes, centres, radii, height


def cluster_graph(graph: Mapping[str, Any], title: str, description: str) -> Markup:
    """Records as nodes, identities around them, edges as thick as their weight.

    Parameters
    ----------
    graph : 'groups' (lists of record places, one an identity), 'labels' of records, 'letters' of
        identities, 'edges' of left, right, weight, kind (link, review, separate, same, different)
        and label ('' for none)
    title, description : read aloud in place of the drawing
    """
    nodes, centres, radii, height = _node_places(graph["groups"])
    parts = []
    for place, ((x, y), radius) in enumerate(zip(centres, radii, strict=True)):
        parts.append(
            Markup(
                '<g class="who-{}"><circle class="hull" cx="{:.1f}" cy="{:.1f}" r="{:.1f}"/></g>'
            ).format("abcdef"[place % 6], x, y, radius)
        )
    labels = []
    for edge in graph["edges"]:
        (x1, y1), (x2, y2) = nodes[edge["left"]], nodes[edge["right"]]
        width = min(5.0, max(0.8, 1.0 + edge["weight"] / 8))
        parts.append(
            Markup(
                '<line class="edge edge-{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" '
                'stroke-width="{:.1f}"/>'
            ).format(edge["kind"], x1, y1, x2, y2, width)
        )
        if edge["label"]:
            labels.append(
                Markup(
                    '<text class="edge-label" x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>'
                ).format((x1 + x2) / 2, (y1 + y2) / 2 - 4, edge["label"])
            )
    for place, group in enumerate(graph["groups"]):
        inner = []
        for record in group:
            x, y = nodes[record]
            inner.append(_outline(place, x, y, _NODE_RADIUS, "node"))
            inner.append(
                Markup('<text class="node-label" x="{:.1f}" y="{:.1f}">{}</text>').format(
                    x, y + 0.5, graph["labels"][record]
                )
            )
        parts.append(
            Markup('<g class="who-{}">{}</g>').format("abcdef"[place % 6], Markup("").join(inner))
        )
    width = max(
        _GRAPH_WIDTH, max((x + r for (x, _), r in zip(centres, radii, strict=True)), default=0) + 8
    )
    return _figure(width, height, title, description, [*parts, *labels])


def _figure(
    width: float, height: float, title: str, description: str, parts: Sequence[Markup]
) -> Markup:
    return Markup(
        '<svg viewBox="0 0 {:.0f} {:.0f}" width="{:.0f}" height="{:.0f}" role="img" '
        'aria-label="{}">{}</svg>'
    ).format(
        width, height, width, height, f"{title}. {description}".strip(), Markup("").join(parts)
    )


def bars(rows: Sequence[Mapping[str, Any]], title: str, *, label_width: int = 110) -> Markup:
    """Horizontal bars of one or two parts, the figure behind each.

    Parameters
    ----------
    rows : 'label', 'parts' (one or two numbers; the second is hatched) and 'text' behind the bar
    title : read aloud; the numbers stand in a table beside it
    label_width : room for the labels, in units of the drawing
    """
    width, line = 560.0, 26
    most = max((sum(row["parts"]) for row in rows), default=0) or 1
    room = width - label_width - 90
    parts = []
    for number, row in enumerate(rows):
        y, x = number * line, float(label_width)
        parts.append(
            Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(
                label_width - 8, y + 17, row["label"]
            )
        )
        for place, part in enumerate(row["parts"]):
            length = room * part / most
            css = "bar-second" if place else "bar-mark"
            fill = Markup(' fill="url(#hatch-quiet)"') if place else ""
            parts.append(
                Markup(
                    '<rect class="{}"{} x="{:.1f}" y="{}" width="{:.1f}" height="18" rx="2"/>'
                ).format(css, fill, x, y + 4, length)
            )
            x += length
        parts.append(Markup('<text x="{:.1f}" y="{}">{}</text>').format(x + 6, y + 17, row["text"]))
    return _figure(width, max(len(rows), 1) * line + 4, title, "", parts)


def whiskers(rows: Sequence[Mapping[str, Any]], title: str, *, label_width: int = 130) -> Markup:
    """Shares from 0 to 1 as points with their intervals.

    Parameters
    ----------
    rows : 'label', 'estimate', 'low', 'high' (None where there is nothing to estimate), 'text'
    title : read aloud; the numbers stand in a table beside it
    label_width : room for the labels, in units of the drawing
    """
    width, line = 560.0, 26
    room, bottom = width - label_width - 90, len(rows) * line + 6
    parts = []
    for tick in (0, 0.25, 0.5, 0.75, 1):
        x = label_width + room * tick
        parts.append(
            Markup('<line class="axis" x1="{0:.1f}" x2="{0:.1f}" y1="0" y2="{1}"/>').format(
                x, bottom
            )
        )
        parts.append(
            Markup(
                '<text class="quiet-text" x="{:.1f}" y="{}" text-anchor="middle">{}</text>'
            ).format(x, bottom + 14, f"{tick:.0%}")
        )
    for number, row in enumerate(rows):
        y = number * line + 13
        parts.append(
            Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(
                label_width - 8, y + 4, row["label"]
            )
        )
        if row["estimate"] is not None:
            low, at, high = (label_width + room * row[key] for key in ("low", "estimate", "high"))
            parts.append(
                Markup(
                    '<path class="whisker" fill="none" '
                    'd="M{0:.1f} {2}H{1:.1f}M{0:.1f} {3}V{4}M{1:.1f} {3}V{4}"/>'
                ).format(low, high, y, y - 5, y + 5)
            )
            parts.append(Markup('<circle class="dot" cx="{:.1f}" cy="{}" r="5.5"/>').format(at, y))
        parts.append(
            Markup('<text x="{:.1f}" y="{}">{}</text>').format(
                label_width + room + 8, y + 4, escape(row["text"])
            )
        )
    return _figure(width, bottom + 20, title, "", parts)


DRAWINGS: Final[dict[str, Callable[..., Markup]]] = {
    "bars": bars,
    "cluster_graph": cluster_graph,
    "hatches": hatches,
    "shape": shape,
    "step_bar": step_bar,
    "whiskers": whiskers,
}
"""What the templates' environment takes as globals."""
