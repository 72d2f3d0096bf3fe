"""The steward's pages without a browser: every page and state renders, forms do what they say."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mpi.review.queue import ReviewQueue
from mpi.review.types import TaskStatus
from tests.mpi.review.review_people import HOSTILE, fill_index
from tests.mpi.review.web_desk import Browser, Desk


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("people")
    fill_index(directory)
    return directory / "index"


@pytest.fixture
def desk(template: Path, tmp_path: Path) -> Iterator[Desk]:
    with Desk(template, tmp_path / "index", language="en").running() as made:
        yield made


def numbers(browser: Browser, *, asked_by_hand: bool = False) -> list[int]:
    rows = browser.json("/tasks")["rows"]
    return [
        row["number"]
        for row in rows
        if (row["match_weight"] is None or row["match_weight"] < 12) == asked_by_hand
    ]


def page(browser: Browser, path: str, status: int = 200) -> str:
    answer = browser.get(path)
    assert status == answer.status_code, f"{path}: {answer.status_code}"
    return str(answer.text)


def sent(browser: Browser, path: str, **form: Any) -> str:
    """Send a form and follow it: the page that it leads to."""
    answer = browser.post(path, **form)
    assert 303 == answer.status_code, f"{path}: {answer.status_code}"
    return page(browser, answer.headers["location"])


def test_every_page_is_made_in_both_languages(desk: Desk) -> None:
    """No page breaks, none shows a key in place of words, none names a foreign address."""
    browser = desk.browser("administrator")
    person = browser.json(f"/tasks/{numbers(browser)[0]}")["identities"][0]["enterprise_id"]
    paths = ["/tasks", "/search", "/figures", "/help", f"/people/{person}"]
    paths += [
        f"/tasks/{number}" for number in numbers(browser) + numbers(browser, asked_by_hand=True)
    ]
    for language in ("zh", "en"):
        page(browser, f"/help?language={language}")
        for path in paths:
            text = page(browser, path)
            shown = re.sub(r"<[^>]*>", " ", text)
            assert [] == re.findall(
                r"\b(?:case|decide|golden|people|search|figures)\.[a-z_]+\b", shown
            )
            assert [] == re.findall(r"""(?:src|href|action)=["'](?:https?:)?//""", text)
            assert [] == re.findall(r"""\s(?:style|on[a-z]+)=["']""", text.replace("&#34;", ""))


def test_hostile_names_never_become_markup(desk: Desk) -> None:
    """What a source sends is escaped on every page that shows it."""
    browser = desk.browser("steward")
    text = "".join(
        page(browser, f"/tasks/{number}") for number in numbers(browser, asked_by_hand=True)
    )
    text += page(browser, "/tasks?status=any")
    assert "<script>document" not in text
    assert "<img src" not in text
    assert "\u202e" not in text
    assert "U+202E" in text
    assert html.escape(HOSTILE["script"])[:20] in text
    assert HOSTILE["long"][-50:] in text.replace("</rt>", "") or "娜" in text


def test_merge_undo_and_the_closed_task(desk: Desk) -> None:
    """A decision leads to the next task; the closed one tells who decided, and can be undone."""
    browser = desk.browser("steward")
    number = numbers(browser)[0]
    version = browser.json(f"/tasks/{number}")["task"]["version"]
    after = sent(
        browser,
        f"/tasks/{number}/decide",
        version=version,
        verdict="merge",
        reason="SAME_DOCUMENT",
        text="seen",
    )
    assert f"Task {number}: one person, merged." in after
    assert f'data-task="{number}"' not in after
    closed = browser.json(f"/tasks/{number}")
    assert "closed" == closed["task"]["status"]
    assert closed["undo_events"]
    assert "decided by steward" in page(browser, f"/tasks/{number}")
    sent(browser, "/undo", event=closed["undo_events"], number=number)
    assert "open" == browser.json(f"/tasks/{number}")["task"]["status"]


def test_nobody_undoes_the_decision_of_another_steward(desk: Desk) -> None:
    """Only a supervisor takes back what somebody else decided."""
    supervisor, steward = desk.browser("supervisor"), desk.browser("steward")
    number = numbers(supervisor)[0]
    version = supervisor.json(f"/tasks/{number}")["task"]["version"]
    path = f"/tasks/{number}/decide"
    sent(supervisor, path, version=version, verdict="different", reason="NAMESAKE")
    events = supervisor.json(f"/tasks/{number}")["undo_events"]
    assert 403 == steward.post("/undo", event=events).status_code
    sent(supervisor, "/undo", event=events)


def test_a_form_that_misses_something_comes_back_filled_in(desk: Desk) -> None:
    """Nothing is decided, and nothing typed is lost."""
    browser = desk.browser("steward")
    number = numbers(browser)[0]
    answer = browser.post(
        f"/tasks/{number}/decide", version=1, verdict="different", text="half a <sentence>"
    )
    assert 422 == answer.status_code
    assert "Choose a reason." in answer.text
    assert "half a &lt;sentence&gt;" in answer.text
    assert re.search(r'value="different"[^>]* checked', answer.text)


def test_a_stale_decision_shows_the_change_and_what_was_typed(desk: Desk) -> None:
    """Who was faster, what it is now, all that was sent; and a form to send it again."""
    slow, fast = desk.browser("steward"), desk.browser("supervisor")
    number = numbers(slow)[0]
    version = slow.json(f"/tasks/{number}")["task"]["version"]
    sent(fast, f"/tasks/{number}/comment", text="wait for the clinic", version=version)
    version_now = fast.json(f"/tasks/{number}")["task"]["version"]
    sent(fast, f"/tasks/{number}/assign", to="supervisor", version=version_now)
    answer = slow.post(
        f"/tasks/{number}/decide",
        version=version,
        verdict="merge",
        reason="TYPING_SLIP",
        text="my own words",
    )
    assert 409 == answer.status_code
    assert "my own words" in answer.text
    assert "supervisor" in answer.text
    assert "typing slip" in answer.text
    assert f'action="/tasks/{number}/decide"' in answer.text


def test_who_comes_second_to_a_closed_task_sees_the_conflict(desk: Desk) -> None:
    """The commonest race: a colleague decided first. Nothing that was typed is lost."""
    slow, fast = desk.browser("steward"), desk.browser("supervisor")
    number = numbers(slow)[0]
    path, version = f"/tasks/{number}/decide", slow.json(f"/tasks/{number}")["task"]["version"]
    sent(fast, path, version=version, verdict="different", reason="NAMESAKE")
    answer = slow.post(path, version=version, verdict="merge", reason="TYPING_SLIP", text="my own")
    assert 409 == answer.status_code
    assert "my own" in answer.text
    assert "supervisor" in answer.text
    sent(fast, "/undo", event=fast.json(f"/tasks/{number}")["undo_events"])


def test_numbers_that_nothing_has_are_not_found(desk: Desk) -> None:
    """However large a number is typed, nothing breaks."""
    browser = desk.browser("steward")
    assert 404 == browser.get("/tasks/99999999999999999999").status_code
    assert 404 == browser.post("/undo", event="99999999999999999999").status_code
    assert 400 == browser.post("/undo", event="9" * 5000).status_code


def test_handling_a_task_leaves_lines_in_its_history(desk: Desk) -> None:
    """Take, give back, comment, defer, escalate: each is said, and stands in the history."""
    browser = desk.browser("steward")
    number = numbers(browser)[0]

    def act(name: str, **form: Any) -> str:
        version = browser.json(f"/tasks/{number}")["task"]["version"]
        return sent(browser, f"/tasks/{number}/{name}", version=version, **form)

    assert "is yours" in act("assign", to="steward")
    assert "back in the queue" in act("unassign")
    assert "ask <i>them" in html.unescape(act("comment", text="ask <i>them"))
    assert "escalated" in act("escalate", text="which number is right?")
    assert 403 == browser.post(f"/tasks/{number}/assign", to="supervisor", version=1).status_code
    assert 400 == browser.post(f"/tasks/{number}/defer", until="yesterday", version=1).status_code
    actions = [each["action"] for each in browser.json(f"/tasks/{number}")["history"]]
    assert ["ASSIGNED", "UNASSIGNED", "COMMENT", "ESCALATED"] == actions[-4:]


def test_a_split_is_previewed_and_then_done(desk: Desk) -> None:
    """The preview changes nothing and shows both sides; confirmed, the records have left."""
    browser = desk.browser("steward")
    found = browser.post("/search", text="医保/S3")
    person = re.findall(r'class="row" href="/people/([^"]+)"', found.text)[0]
    view = browser.json(f"/people/{person}")
    assert 3 == len(view["records"])
    leave = json.dumps(["医保", "S3"], ensure_ascii=False)
    preview = browser.post(f"/people/{person}/split", leave=leave)
    assert 200 == preview.status_code
    assert "Nothing is saved yet" in preview.text
    assert 3 == len(browser.json(f"/people/{person}")["records"])
    nothing = browser.post(f"/people/{person}/split")
    assert "Choose at least one record that leaves." in nothing.text
    everything = [each["reference"] for each in view["records"]]
    assert (
        "At least one record must stay."
        in browser.post(f"/people/{person}/split", leave=everything).text
    )
    version = re.findall(r'name="version" value="(\d+)"', preview.text)[0]
    form = {"leave": leave, "version": version, "reason": "WRONG_ENTRY"}
    assert "Split: 1 record left." in sent(browser, f"/people/{person}/split/confirm", **form)
    assert 2 == len(browser.json(f"/people/{person}")["records"])


def test_an_identity_looked_at_from_a_task_leads_back_to_it(desk: Desk) -> None:
    """The button, the other language, and the form of a split know the task."""
    browser = desk.browser("steward")
    number = numbers(browser)[0]
    found = browser.post("/search", text="医保/S3")
    person = re.findall(r'class="row" href="/people/([^"]+)"', found.text)[0]
    text = page(browser, f"/people/{person}?task={number}")
    assert f'<a class="button" href="/tasks/{number}"' in text
    assert f'name="task" value="{number}"' in text
    assert f"/people/{person}?task={number}&language=zh" in html.unescape(text)
    leave = json.dumps(["医保", "S3"], ensure_ascii=False)
    preview = browser.post(f"/people/{person}/split", leave=leave, task=number).text
    assert f'name="task" value="{number}"' in preview
    version = re.findall(r'name="version" value="(\d+)"', preview)[0]
    form = {"leave": leave, "version": version, "reason": "WRONG_ENTRY", "task": number}
    answer = browser.post(f"/people/{person}/split/confirm", **form)
    assert answer.headers["location"].startswith(f"/tasks/{number}")


def test_the_figures_say_ages_in_words(desk: Desk) -> None:
    """'Under a day' and the like, in the language of the page, in drawing and table."""
    browser = desk.browser("steward")
    zh, en = (page(browser, f"/figures?language={each}") for each in ("zh", "en"))
    for text, said in (
        (zh, ("不足 1 天", "1–7 天", "超过 30 天")),
        (en, ("under 1 day", "1–7 days", "over 30 days")),
    ):
        assert [2, 2, 2] == [text.count(f">{each}<") for each in said]
        assert "&lt;1d" not in text


def test_people_found_are_put_to_the_stewards(desk: Desk) -> None:
    """Two people of a search become a question."""
    browser = desk.browser("steward")
    rows = [row for row in browser.json("/tasks")["rows"] if row["enterprise_ids"]]
    people = [rows[0]["enterprise_ids"][0], rows[-1]["enterprise_ids"][-1]]
    text = sent(browser, "/people/ask", person=people, text="same voice on the phone")
    assert "One person?" in text
    assert "same voice on the phone" in html.unescape(text)
    assert 400 == browser.post("/people/ask", person=people[:1]).status_code


def test_a_large_merge_waits_for_another_steward(desk: Desk) -> None:
    """Proposed by one, seen by another; the first cannot approve it."""
    from mpi.identity_index import IdentityIndex
    from mpi.review.decisions import ApprovalRules

    index = IdentityIndex.open(desk.path, writable="on_demand")
    ReviewQueue(index).set_approval_rules(ApprovalRules(records_max=1), by="administrator")
    index.close()
    first, second = desk.browser("supervisor"), desk.browser("administrator")
    number = numbers(first)[0]
    version = first.json(f"/tasks/{number}")["task"]["version"]
    path = f"/tasks/{number}"
    after = sent(first, f"{path}/decide", version=version, verdict="merge", reason="TYPING_SLIP")
    assert "another steward must approve" in after
    assert TaskStatus.APPROVAL == first.json(path)["task"]["status"]
    assert "your own proposal" in page(first, path)
    assert f'action="{path}/approve"' in page(second, path)
    version = second.json(path)["task"]["version"]
    assert "approved" in sent(second, f"{path}/approve", version=version, text="agreed")
    assert "closed" == second.json(path)["task"]["status"]
