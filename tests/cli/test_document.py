"""docs/cli.md says what the commands say."""

from __future__ import annotations

from cli.document import DOCUMENT, document_commands


def test_the_document_is_up_to_date() -> None:
    """docs/cli.md is what `python -m cli.document` writes."""
    assert document_commands() == DOCUMENT.read_text(encoding="utf-8")
