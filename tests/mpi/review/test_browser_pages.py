"""Every page in a real browser: readable by everybody, safe with whatever a source sends."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.mpi.review.browser_site import Pages, chromium, pages
from tests.mpi.review.review_people import HOSTILE, LONG_NAME, RARE_NAME

__all__ = ["chromium", "pages"]


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


def paths(pages: Pages) -> dict[str, str]:
    """One page of each type."""
    queue = pages.queue()
    rows = queue.tasks(limit=100).rows
    asked = next(row for row in rows if row.match_weight is not None and row.match_weight > 10)
    named = next(row for row in rows if row.match_weight is None)
    wrong = queue.index.lookup(source="医保", record_id="S3")
    queue.index.close()
    assert wrong is not None
    return {
        "queue": "/tasks",
        "case": f"/tasks/{asked.number}",
        "asked by hand": f"/tasks/{named.number}",
        "person": f"/people/{wrong.enterprise_id}",
        "search": "/search",
        "figures": "/figures",
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
    """No page has an accessibility fault that axe knows of: contrast, names, order, landmarks."""
    script = axe_script()
    page = pages.open("zhao", language=language, dark=dark)
    found = {}
    for name, path in paths(pages).items():
        page.goto(path)
        page.evaluate(script)
        found[name] = violations(page)
    click_through(page)
    page.evaluate(script)
    found["found"] = violations(page)
    page.locator("a.row").first.click()
    page.locator("input[name=leave]").first.check()
    page.keyboard.press("s")
    page.wait_for_selector("#confirm-title")
    page.evaluate(script)
    found["split"] = violations(page)
    page.evaluate("document.querySelector('#keys').showModal()")
    found["keys"] = violations(page)
    nobody = pages.open(None, language=language, dark=dark)
    nobody.evaluate(script)
    found["login"] = violations(nobody)
    assert {} == {name: each for name, each in found.items() if each}


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
        return [row.number for row in queue.tasks(limit=100).rows if row.match_weight is None]
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
