"""Every page in a real browser: readable by everybody, safe with whatever a source sends."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from mpi.review.web.app import registered
from mpi.review.web.page import Page
from tests.mpi.review.browser_site import Pages, chromium, pages
from tests.mpi.review.review_people import HOSTILE, LONG_NAME, RARE_NAME

__all__ = ["chromium", "pages"]

PICTURES = Path(os.environ.get("REVIEW_PICTURES", "build/review-pages"))
"""Where pictures of all pages are left to be looked at."""

PICTURE_BYTES_MIN = 5_000
"""A blank page of this size is a tenth of that."""


@pytest.fixture(autouse=True)
def _closing(pages: Pages) -> Any:
    yield
    pages.close_all()


def axe_script() -> str:
    """axe-core, as a package of PyPI carries it; the test is skipped without it."""
    found = find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("no axe-core here: pip install axe-playwright-python")
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Any) -> list[str]:
    """What axe finds wrong with a page: rule and the first element."""
    found = page.evaluate(
        "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
        ".map(each => each.id + ': ' + each.nodes[0].html.slice(0, 200))"
    )
    return [str(each) for each in found]


def picture(page: Any, name: str) -> None:
    """Leave a picture of a page, from its top to its foot; there must be something on it."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    found = page.screenshot(path=str(PICTURES / f"{name}.png"), full_page=True)
    assert len(found) > PICTURE_BYTES_MIN, name


def paths(pages: Pages) -> dict[str, str]:
    """One page of each type."""
    queue = pages.queue()
    rows = queue.tasks(limit=100).rows
    asked = next(row for row in rows if row.match_weight is not None and row.match_weight > 10)
    named = next(row for row in rows if row.match_weight is None and row.kind != "AUDIT")
    blind = next(row for row in rows if row.kind == "AUDIT")
    wrong = queue.index.lookup(source="医保", record_id="S3")
    queue.index.close()
    assert wrong is not None
    return {
        "queue": "/tasks",
        "case": f"/tasks/{asked.number}",
        "asked by hand": f"/tasks/{named.number}",
        "blind": f"/tasks/{blind.number}",
        "person": f"/people/{wrong.enterprise_id}",
        "search": "/search",
        "figures": "/figures",
        "import": "/import",
        "help": "/help",
        "account": "/account",
        "accounts": "/accounts",
        "log": "/log",
        "not found": "/tasks/999999999",
    }


def click_through(page: Any) -> None:
    """The pages that only a form leads to, as a generator would make them too clever."""
    page.goto("/search")
    page.fill("#search-text", "医保/S3")
    page.locator("main form button").first.click()
    page.wait_for_selector("#found-title")


@pytest.mark.parametrize("language,dark", [("zh", False), ("en", True)], ids=["zh", "en-dark"])
def test_every_page_passes_axe(pages: Pages, language: str, dark: bool) -> None:
    """No page has an accessibility fault that axe knows of: contrast, names, order, landmarks.

    And of each a picture is left to be looked at.
    """
    script = axe_script()
    page = pages.open("zhao", language=language, dark=dark)
    found = {}

    def checked(name: str, shown: Any = page, *, is_new: bool = True) -> None:
        shown.wait_for_load_state("load")  # without its styles a page has other colours
        if is_new:
            shown.evaluate(script)
        found[name] = violations(shown)
        picture(shown, f"{name.replace(' ', '-')}-{language}")

    known = paths(pages)
    for name, path in known.items():
        page.goto(path)
        checked(name)
    click_through(page)
    checked("found")
    page.locator("a.row").first.click()
    page.locator("input[name=leave]").first.check()
    page.keyboard.press("s")
    page.wait_for_selector("#confirm-title")
    checked("split")
    page.evaluate("document.querySelector('#keys').showModal()")
    checked("keys", is_new=False)
    page.goto(known["case"])
    page.evaluate("document.querySelector('form[data-decide] [name=version]').value = '1'")
    page.locator("input[name=verdict]").first.check()
    page.locator("input[name=reason]").first.check()
    page.fill("#decide-text", "<b>asked the ward</b>")
    page.locator("form[data-decide] button").click()
    page.wait_for_selector("#typed-title")
    checked("conflict")
    checked("login", pages.open(None, language=language, dark=dark))
    assert {} == {name: each for name, each in found.items() if each}


def test_no_page_is_forgotten(pages: Pages) -> None:
    """Every page that the server has is among those that are looked at here."""
    from starlette.routing import compile_path

    shown = [
        each
        for each in registered()
        if isinstance(each, Page) and each.method == "GET" and each.template
    ]
    known = [path.partition("?")[0] for path in paths(pages).values()]
    assert [] == [
        each.name
        for each in shown
        if not any(compile_path(each.path)[0].fullmatch(path) for path in known)
    ]


def test_no_page_scrolls_sideways_on_a_laptop(pages: Pages) -> None:
    """At 1366 x 768 every page fits the width, a name of 200 characters included."""
    page = pages.open("zhao")
    wide = {}
    for name, path in paths(pages).items():
        page.goto(path)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 1366:
            wide[name] = width
    assert {} == wide


def hostile_tasks(pages: Pages) -> list[int]:
    queue = pages.queue()
    try:
        rows = queue.tasks(limit=100).rows
        return [each.number for each in rows if each.match_weight is None and each.kind != "AUDIT"]
    finally:
        queue.index.close()


def test_hostile_values_are_text(pages: Pages) -> None:
    """A script in a name does not run; turned, unseen, long and rare characters are shown."""
    page = pages.open("wang")
    numbers = hostile_tasks(pages)
    assert len(numbers) >= len(HOSTILE) - 2
    shown = ""
    for number in numbers:
        page.goto(f"/tasks/{number}")
        assert "run" != page.title()
        assert 0 == page.locator("main script, main img").count()
        assert 0 == page.locator(".records td span.value").count()
        assert page.evaluate("document.documentElement.scrollWidth") <= 1366
        shown += page.locator("main").inner_text()
    for expected in ("<script>", "{{7*7}}", "U+202E", "U+2066", "U+0007", "U+200B"):
        assert expected in shown
    assert "U+E863" in shown
    assert RARE_NAME[1] in shown
    assert shown.count(LONG_NAME[-1]) >= len(LONG_NAME) - 2
    page.goto("/tasks?status=any")
    assert "run" != page.title()
    assert "\u202e" not in page.locator("main").inner_text()


def test_a_page_and_its_json_are_one_function(pages: Pages) -> None:
    """The JSON of a page holds what the page shows."""
    page = pages.open("li")
    path = paths(pages)["case"]
    page.goto(path)
    answer = page.request.get(f"{path}.json").json()
    text = page.locator("main").inner_text()
    assert f"#{answer['task']['number']}" in text
    labels = page.locator(".records thead .label").all_inner_texts()
    assert {each["label"] for each in answer["records"]} <= set(labels)
    for each in answer["records"]:
        assert each["record_id"] in text


def test_pages_print_without_their_tools(pages: Pages) -> None:
    """On paper there are records and reasons, no navigation and no form."""
    page = pages.open("li")
    page.goto(paths(pages)["case"])
    page.emulate_media(media="print")
    assert page.locator(".records").is_visible()
    assert not page.locator("header.bar").is_visible()
    assert not page.locator(".side").is_visible()
