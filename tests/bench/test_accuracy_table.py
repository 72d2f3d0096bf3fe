"""The table of the README: put between its markers, and nothing else touched."""

from __future__ import annotations

import pytest

from bench.accuracy import README
from bench.accuracy_table import README_BEGIN, README_END, insert_table


def test_the_table_replaces_what_stood_between_the_markers() -> None:
    """What is before and after the markers stays; writing twice changes nothing."""
    document = f"before\n{README_BEGIN}\nold\n{README_END}\nafter\n"
    written = insert_table(document, "| set |\n| --- |\n")
    assert f"before\n{README_BEGIN}\n| set |\n| --- |\n{README_END}\nafter\n" == written
    assert written == insert_table(written, "| set |\n| --- |\n")


@pytest.mark.parametrize(
    "document",
    ["", README_BEGIN, f"{README_END} {README_BEGIN}", f"{README_BEGIN}{README_END}" * 2],
)
def test_a_document_without_the_markers_is_refused(document: str) -> None:
    """A table is never put where nobody asked for it."""
    with pytest.raises(ValueError, match="once, in this order"):
        insert_table(document, "table")


def test_the_readme_has_room_for_the_table() -> None:
    """README.md holds both markers."""
    text = README.read_text(encoding="utf-8")
    assert "| new |" in insert_table(text, "| new |")
