"""What goes wrong is said in the steward's language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpi.review.web.problems import problem_text
from mpi.review.web.words import read_words

ROOT = Path(__file__).resolve().parents[3]
SAID_ON_PAGES = (
    *("mpi/review/actions.py", "mpi/review/decisions.py", "mpi/review/requests.py"),
    *("mpi/review/queue.py", "mpi/review/queue_looking.py", "mpi/review/listing.py"),
    *("mpi/review/splitting.py", "mpi/review/history.py", "mpi/review/case.py"),
    *("mpi/review/permissions.py", "mpi/review/answers.py", "mpi/review/applying.py"),
    *("mpi/review/web/visit.py", "mpi/identity_steward.py"),
    *sorted(
        f"mpi/review/web/routes/{p.name}" for p in (ROOT / "mpi/review/web/routes").glob("*.py")
    ),
)
NOT_ON_PAGES = (
    "say whose decisions",  # of the command alone
    "limit must be",
    "the limits of a second approval",
    "there is no open task",
    "both ids name the same identity already; to",
    "to part its records",
)


def messages(path: str) -> Iterator[str]:
    """Messages of the errors that a module raises, an x in place of each value."""
    for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            told = node.exc.args[0]
            if isinstance(told, ast.Constant) and isinstance(told.value, str):
                yield told.value
            elif isinstance(told, ast.JoinedStr):
                yield "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "x"
                    for part in told.values
                )


def test_every_message_that_a_page_may_show_is_known_in_chinese() -> None:
    """Whoever adds an error adds its words."""
    told = [
        each
        for path in SAID_ON_PAGES
        for each in messages(path)
        if not each.startswith("error.") and not any(part in each for part in NOT_ON_PAGES)
    ]
    assert len(told) > 50
    assert [] == [each for each in told if problem_text(each, "zh") == each]


def test_values_are_kept() -> None:
    """Numbers and names of the message stand in the translated one; English stays as it is."""
    message = (
        "task 7 was changed by Dr Li at 2026-11-22 (version 9, you saw 8); look at it again, "
        "nothing was written"
    )
    said = problem_text(message, "zh")
    assert all(each in said for each in ("7", "Dr Li", "2026-11-22", "9", "8"))
    assert message == problem_text(message, "en")
    assert "nobody knows this" == problem_text("nobody knows this", "zh")
    assert "" == problem_text("", "zh")


@pytest.mark.parametrize(
    "key", sorted(k for k in read_words("en").texts if k.startswith("problem."))
)
def test_a_message_is_found_by_its_own_pattern(key: str) -> None:
    """No pattern takes what another one says."""
    en, zh = read_words("en"), read_words("zh")
    values = {name: f"<{name}>" for name in re.findall(r"\{(\w+)\}", en.texts[key])}
    message = en.texts[key].format(**values)
    assert zh.texts[key].format(**values) == problem_text(message, "zh")
