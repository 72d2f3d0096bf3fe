"""The words of the pages: both languages say everything, and templates ask for nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from mpi.decide import REFUSAL_TEXTS
from mpi.identity_decide import AMBIGUOUS, IN_DOUBT, STRONGER_REFUSED
from mpi.identity_writing import PINNED
from mpi.review.pairs import BELOW_REVIEW
from mpi.review.priority import SAFETY
from mpi.review.types import Reason, TaskStatus, Verdict
from mpi.review.web.render import _environment
from mpi.review.web.words import read_words
from person.field import FieldStatus

TEMPLATES = Path(__file__).resolve().parents[3] / "mpi" / "review" / "web" / "templates"
SOURCES = TEMPLATES.parent


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_both_languages_have_the_same_keys() -> None:
    """Whatever is said in one language is said in the other, with the same values in it."""
    zh, en = read_words("zh").texts, read_words("en").texts
    assert zh.keys() == en.keys()
    unlike = {key for key in zh if placeholders(zh[key]) != placeholders(en[key])}
    assert set() == unlike


def test_templates_ask_for_words_that_exist() -> None:
    """A key that stands whole in a template is known."""
    words = read_words("en")
    asked = {
        key
        for path in TEMPLATES.glob("*.html")
        for key in re.findall(r"""\bw\(["']([\w.]+)["'](?!\s*~)""", path.read_text("utf-8"))
    }
    assert set() == {key for key in asked if key not in words}


def test_notices_of_actions_are_known() -> None:
    """What an action says afterwards has words."""
    words = read_words("zh")
    said = {
        key
        for path in (SOURCES / "routes").glob("*.py")
        for key in re.findall(r"""said="([\w.]+)\"""", path.read_text("utf-8"))
    }
    assert said
    assert set() == {key for key in said if key not in words}


def test_every_choice_has_words() -> None:
    """Statuses, verdicts, reasons and warnings are said in both languages."""
    keys = [f"status.{each}" for each in TaskStatus]
    keys += [f"verdict.{each}" for each in Verdict]
    keys += [f"reason.{each}" for each in Reason]
    keys += [f"safety.{each}" for each in SAFETY]
    sound = (FieldStatus.VALID, FieldStatus.MISSING)
    keys += [f"flag.{each.name.lower()}" for each in FieldStatus if each not in sound]
    keys += ["flag.contradicts_record"]
    for language in ("zh", "en"):
        words = read_words(language)
        assert [] == [key for key in keys if key not in words]


def test_every_reason_why_no_machine_decided_has_words() -> None:
    """No English sentence of the engine stands on a Chinese page."""
    reasons = {
        *(each for each in REFUSAL_TEXTS if each is not None),
        *(AMBIGUOUS, STRONGER_REFUSED, IN_DOUBT, PINNED, BELOW_REVIEW),
    }
    macros = _environment().get_template("_macros.html")
    for language in ("zh", "en"):
        why = macros.make_module({"w": read_words(language)}).why  # type: ignore[attr-defined]
        said = {each: str(why(each)) for each in reasons}
        assert language == "en" or not [each for each, text in said.items() if text == each]
        assert not [text for text in said.values() if "why." in text]
