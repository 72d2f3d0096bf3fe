"""Pieces of a page: figures, tables, tiles. Every text is escaped here and nowhere else."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "Figure",
    "Listing",
    "Section",
    "Table",
    "Tile",
    "json_for_script",
    "render_navigation",
    "render_section",
]

TABLE_ROWS_MAX = 250
TABLE_ROWS_OPEN = 40


@dataclass(frozen=True, slots=True)
class Table:
    """A caption, column headings and rows of finished text; `numbers` are set to the right."""

    caption: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with its alternative text and the same numbers as a table.

    `specification` is None where charts cannot be drawn; the table then stands alone.
    """

    key: str
    title: str
    description: str
    specification: Mapping[str, Any] | None
    table: Table


@dataclass(frozen=True, slots=True)
class Tile:
    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """Text to be read as it is, folded away."""

    summary: str
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page. `empty` is said instead when there is nothing to show."""

    key: str
    title: str
    lead: str
    blocks: tuple[Figure | Table | Listing, ...] = ()
    tiles: tuple[Tile, ...] = ()
    warnings: tuple[str, ...] = ()
    empty: str = ""


def json_for_script(value: Any) -> str:
    """Write JSON that can stand inside a script element whatever its texts hold."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def render_navigation(sections: Sequence[Section]) -> str:
    """List the sections as links."""
    items = (f'<li><a href="#{each.key}">{_text(each.title)}</a></li>' for each in sections)
    return f"<ul>{''.join(items)}</ul>"


def render_section(section: Section) -> str:
    """Turn one section into HTML."""
    parts = [f'<section id="{section.key}"><h2>{_text(section.title)}</h2>']
    if section.warnings:
        said = "".join(f"<p>{_text(each)}</p>" for each in section.warnings)
        parts.append(f'<div class="warnings" role="note">{said}</div>')
    if section.lead:
        parts.append(f"<p>{_text(section.lead)}</p>")
    if section.tiles:
        parts.append(f'<dl class="tiles">{"".join(map(_tile, section.tiles))}</dl>')
    if section.empty and not section.blocks:
        parts.append(f'<p class="quiet">{_text(section.empty)}</p>')
    # Figures that follow each other share a grid, so that they stand side by side if wide.
    row: list[str] = []
    for block in section.blocks:
        if isinstance(block, Figure):
            row.append(_figure(block))
            continue
        parts.append(_figure_row(row))
        row = []
        parts.append(_table(block) if isinstance(block, Table) else _listing(block))
    parts.append(_figure_row(row))
    parts.append("</section>")
    return "\n".join(part for part in parts if part)


def _figure_row(figures: Sequence[str]) -> str:
    return f'<div class="figures">{"".join(figures)}</div>' if figures else ""


def _figure(figure: Figure) -> str:
    title = f"<h3>{_text(figure.title)}</h3>" if figure.title else ""
    caption = f"<figcaption>{_text(figure.description)}</figcaption>"
    if figure.specification is None:
        return f"<figure>{title}{caption}{_long_table(figure.table)}</figure>"
    name = f"chart-{figure.key}"
    return (
        f"<figure>{title}"
        f'<div class="chart" id="{name}" role="img" aria-label="{_text(figure.description)}"></div>'
        f'<script type="application/json" class="specification" data-chart="{name}">'
        f"{json_for_script(figure.specification)}</script>"
        f"{caption}{_folded('The same as a table', figure.table)}</figure>"
    )


def _long_table(table: Table) -> str:
    if len(table.rows) <= TABLE_ROWS_OPEN:
        return _table(table)
    return _folded(f"All {len(table.rows):,} rows", table)


def _folded(summary: str, table: Table) -> str:
    return f'<details class="table"><summary>{_text(summary)}</summary>{_table(table)}</details>'


def _table(table: Table) -> str:
    heads = "".join(
        f'<th scope="col"{_number_class(table, index)}>{_text(name)}</th>'
        for index, name in enumerate(table.columns)
    )
    body = "".join(_row(table, row) for row in table.rows[:TABLE_ROWS_MAX])
    left_out = len(table.rows) - TABLE_ROWS_MAX
    caption = table.caption
    if left_out > 0:
        caption += f" (first {TABLE_ROWS_MAX} rows; {left_out:,} more are in the data of this page)"
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{_text(table.caption)}">'
        f"<table><caption>{_text(caption)}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _row(table: Table, row: Sequence[str]) -> str:
    cells = [f'<th scope="row"{_number_class(table, 0)}>{_text(row[0])}</th>']
    cells += [
        f"<td{_number_class(table, index)}>{_text(cell)}</td>"
        for index, cell in enumerate(row)
        if index
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _number_class(table: Table, column: int) -> str:
    return ' class="number"' if column in table.numbers else ""


def _tile(tile: Tile) -> str:
    note = f"<small>{_text(tile.note)}</small>" if tile.note else ""
    return f"<div><dt>{_text(tile.name)}</dt><dd>{_text(tile.value)}{note}</dd></div>"


def _listing(listing: Listing) -> str:
    return (
        f"<details><summary>{_text(listing.summary)}</summary>"
        f"<pre>{_text(listing.text)}</pre></details>"
    )


def _text(value: str) -> str:
    return html.escape(value, quote=True)
