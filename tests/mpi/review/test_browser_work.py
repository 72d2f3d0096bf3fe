"""A steward at work in a real browser."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mpi.review.browser_site import Pages, chromium, pages, sign_in

__all__ = ["chromium", "pages"]


@pytest.fixture(autouse=True)
def _closing(pages: Pages) -> Any:
    yield
    pages.close_all()


def task_number(page: Any) -> int:
    return int(page.locator("[data-task]").get_attribute("data-task"))


def shown(page: Any, selector: str) -> None:
    """Wait for a part of the next page and for its script: a key that comes earlier is lost."""
    page.wait_for_selector(selector)
    page.wait_for_load_state("load")


def first_task(page: Any, place: int = 0) -> int:
    """Open a task of the queue that the machine asked about, and no hostile one."""
    rows = page.locator("[data-row]", has_text="12.6").locator("a.row")
    rows.nth(place).click()
    shown(page, "[data-task]")
    return task_number(page)


def status_of(pages: Pages, number: int) -> str:
    queue = pages.queue()
    try:
        return queue.row(number).status.value
    finally:
        queue.index.close()


def people_of(pages: Pages, number: int) -> int:
    queue = pages.queue()
    try:
        return len(queue.row(number).enterprise_ids)
    finally:
        queue.index.close()


def test_a_steward_signs_in_and_out(pages: Pages) -> None:
    """Without a session every page leads to the sign-in form and back."""
    page = pages.open(None)
    page.goto("/tasks")
    assert "/login" in page.url
    sign_in(page, "li")
    assert page.locator("[data-row]").count() >= 10
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login*")


def test_merge_takes_two_presses_and_u_takes_it_back(pages: Pages) -> None:
    """m, a reason, m: merged, the next task is shown; u: undone."""
    page = pages.open()
    number = first_task(page)
    page.keyboard.press("m")
    assert "reason" in page.locator("[data-status]").first.inner_text()
    assert "open" == status_of(pages, number)
    page.keyboard.press("2")
    page.keyboard.press("m")
    shown(page, "[data-said]")
    assert f"Task {number}" in page.locator("[data-said]").inner_text()
    assert number != task_number(page)
    assert ("closed", 1) == (status_of(pages, number), people_of(pages, number))
    page.keyboard.press("u")
    page.wait_for_url(f"**/tasks/{number}")
    assert ("open", 2) == (status_of(pages, number), people_of(pages, number))


def test_escape_disarms(pages: Pages) -> None:
    """After Escape a second m is a first one again."""
    page = pages.open()
    number = first_task(page)
    page.keyboard.press("m")
    page.keyboard.press("1")
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    page.wait_for_timeout(100)
    assert number == task_number(page)
    assert "open" == status_of(pages, number)


def test_different_with_a_reason_is_one_press(pages: Pages) -> None:
    """d, a reason, d: the two are declared different and stay two people."""
    page = pages.open()
    number = first_task(page, 1)
    page.keyboard.press("d")
    page.keyboard.press("3")
    page.keyboard.press("d")
    shown(page, "[data-said]")
    assert ("closed", 2) == (status_of(pages, number), people_of(pages, number))
    page.goto(f"/tasks/{number}")
    assert "different people" in page.locator(".side").inner_text()


def test_j_k_and_n_turn_pages_and_the_list(pages: Pages) -> None:
    """In the list j and k move between rows, on a task to the next one and back."""
    page = pages.open()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    shown(page, "[data-task]")
    first = task_number(page)
    page.keyboard.press("j")
    page.wait_for_function(f"document.querySelector('[data-task]').dataset.task != '{first}'")
    page.wait_for_load_state()
    page.keyboard.press("k")
    page.wait_for_function(f"document.querySelector('[data-task]').dataset.task == '{first}'")


def test_help_and_search_by_key(pages: Pages) -> None:
    """? shows the keys, Escape closes them, / goes to the search field."""
    page = pages.open()
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#keys").is_visible()
    page.keyboard.press("/")
    page.keyboard.type("13671093358")
    page.keyboard.press("Enter")
    shown(page, "#found-title")
    assert "13671093358" not in page.url
    assert "孙丽" in page.locator("table").inner_text()


def test_a_wrong_identity_is_taken_apart(pages: Pages) -> None:
    """Choose the records that leave, look at both sides, confirm; undo puts them together."""
    page = pages.open()
    page.fill("#bar-search", "医保/S3")
    page.keyboard.press("Enter")
    page.locator("a.row").first.click()
    page.locator("input[name=leave]").nth(2).check()
    page.keyboard.press("s")
    shown(page, "#confirm-title")
    assert "Records that leave" in page.locator("main").inner_text()
    page.get_by_label("entered on the wrong person").check()
    page.get_by_role("button", name="Split", exact=True).click()
    shown(page, "[data-said]")
    assert 2 == page.locator(".records thead tr:nth-child(2) th .label").count()
    page.keyboard.press("u")
    shown(page, "[data-said]")


def test_a_stale_decision_meets_the_change_and_loses_nothing(pages: Pages) -> None:
    """Two stewards on one task: the slower sees who was faster, and all that was typed."""
    slow, fast = pages.open("li"), pages.open("wang")
    number = first_task(slow, 2)
    fast.goto(f"/tasks/{number}")
    slow.reload()
    assert "wang" in slow.locator("[data-viewers]").inner_text()
    slow.get_by_label("Merge").check()
    slow.get_by_label("same document").check()
    slow.fill("#decide-text", "asked the clinic twice")
    fast.get_by_role("button", name="Take it").click()
    shown(fast, "[data-said]")
    slow.get_by_role("button", name="Decide").click()
    shown(slow, "#typed-title")
    text = slow.locator("main").inner_text()
    assert "wang" in text
    assert "asked the clinic twice" in text
    assert 2 == people_of(pages, number)
    slow.get_by_role("button", name="Send mine all the same").click()
    shown(slow, "[data-said]")
    assert 1 == people_of(pages, number)


def test_an_incomplete_decision_comes_back_with_what_was_typed(pages: Pages) -> None:
    """A form that misses its reason is shown again, filled in."""
    page = pages.open()
    number = first_task(page, 1)
    page.get_by_label("No change").check()
    page.fill("#decide-text", "half a sentence")
    page.get_by_role("button", name="Decide").click()
    shown(page, "[role=alert]")
    assert "Choose a reason" in page.locator("[role=alert]").inner_text()
    assert "half a sentence" == page.input_value("#decide-text")
    assert page.get_by_label("No change").is_checked()
    assert "open" == status_of(pages, number)


def test_a_draft_outlives_a_reload(pages: Pages) -> None:
    """Text that was typed and not sent is there again after going away and coming back."""
    page = pages.open()
    number = first_task(page, 1)
    page.fill("#comment-text", "ask the register again")
    page.goto("/tasks")
    page.goto(f"/tasks/{number}")
    assert "ask the register again" == page.input_value("#comment-text")
    page.get_by_role("button", name="Save comment").click()
    shown(page, "[data-said]")
    assert "" == page.input_value("#comment-text")
    assert "ask the register again" in page.locator(".events").inner_text()


def test_the_language_is_switched_and_stays(pages: Pages) -> None:
    """A link turns every page into Chinese, and the choice is remembered."""
    page = pages.open()
    page.get_by_role("link", name="中文").click()
    shown(page, "html[lang=zh-CN]")
    page.goto("/search")
    assert "查找" in page.locator("h1").inner_text()
    page.get_by_role("link", name="English").click()
    shown(page, "html[lang=en]")


def test_numbers_are_masked_until_revealed(pages: Pages) -> None:
    """Digits are dots; showing them is a button of its own."""
    page = pages.open()
    first_task(page, 1)
    assert "•" in page.locator(".records").inner_text()
    page.get_by_role("button", name="Show numbers").first.click()
    shown(page, "[data-task]")
    assert "•" not in page.locator(".records td.digits, .records .digits").first.inner_text()


def test_all_work_goes_without_scripts(pages: Pages) -> None:
    """Filter, decide, comment, undo, search and split need no JavaScript."""
    page = pages.open("wang", scripts=False)
    number = first_task(page, 3)
    page.fill("#comment-text", "no scripts here")
    page.get_by_role("button", name="Save comment").click()
    assert "no scripts here" in page.locator(".events").inner_text()
    page.get_by_label("Merge").check()
    page.get_by_label("typing slip").check()
    page.get_by_role("button", name="Decide").click()
    assert f"Task {number}" in page.locator("[data-said]").inner_text()
    page.get_by_role("button", name="Undo").first.click()
    assert "open" == status_of(pages, number)
    page.get_by_role("link", name="Search").click()
    page.fill("#search-text", "医保/S3")
    page.locator("main").get_by_role("button", name="Search").click()
    page.locator("a.row").first.click()
    page.locator("input[name=leave]").first.check()
    page.get_by_role("button", name="Preview the split").click()
    assert "Nothing is saved yet" in page.locator("main").inner_text()


def test_a_task_is_deferred_and_escalated(pages: Pages) -> None:
    """Defer until a day, escalate with a question; both leave a line in the history."""
    page = pages.open()
    number = first_task(page, 3)
    page.locator("summary", has_text="Escalate").click()
    page.fill("#escalate-text", "which number is right?")
    page.locator("details[open] button").click()
    shown(page, "[data-said]")
    assert "escalated" == status_of(pages, number)
    assert "which number is right?" in page.locator(".events").inner_text()
