// Keys, drafts and news for the steward's pages. Every page works without this file.
"use strict";

(() => {
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const one = (selector, root = document) => root.querySelector(selector);
  const isSeen = (element) => element.getClientRects().length > 0;
  const isTyping = (element) =>
    element.matches("textarea, select, [contenteditable]") ||
    (element.matches("input") && !element.matches("[type=radio], [type=checkbox], [type=submit]"));
  const store = {
    get(key) { try { return sessionStorage.getItem(key); } catch { return null; } },
    set(key, value) { try { sessionStorage.setItem(key, value); } catch { /* full or refused */ } },
    drop(key) { try { sessionStorage.removeItem(key); } catch { /* refused */ } },
  };

  // ------------------------------------------------------------------ drafts: nothing typed is lost
  const draftKey = (area) => `draft ${area.dataset.draft}`;
  function keepDrafts() {
    const sent = store.get("sent");
    if (sent && one("[data-said]")) {
      JSON.parse(sent).forEach(store.drop);
    }
    store.drop("sent");
    for (const area of all("textarea[data-draft]")) {
      const kept = store.get(draftKey(area));
      if (kept && !area.value) {
        area.value = kept;
        const folded = area.closest("details");
        if (folded) folded.open = true;
      }
      area.addEventListener("input", () => {
        if (area.value) store.set(draftKey(area), area.value);
        else store.drop(draftKey(area));
      });
    }
    document.addEventListener("submit", (event) => {
      const areas = all("textarea[data-draft]", event.target);
      if (areas.length) store.set("sent", JSON.stringify(areas.map(draftKey)));
    });
    for (const form of all("form[action='/logout']")) {
      form.addEventListener("submit", () => { try { sessionStorage.clear(); } catch { /* refused */ } });
    }
  }

  // ------------------------------------------------------------------ deciding by keys
  const form = one("form[data-decide]");
  const say = (text, root) => {
    const line = one("[data-status]", root || document);
    if (line) line.textContent = text;
  };
  const reasons = () => all("input[name=reason]", form).filter((each) => isSeen(each.closest("label")));
  const chosen = (name) => {
    const input = one(`input[name=${name}]:checked`, form);
    return input && isSeen(input.closest("label")) ? input : null;
  };

  function numberReasons() {
    for (const input of all("input[name=reason]", form)) one("[data-number]", input.closest("label")).textContent = "";
    reasons().slice(0, 10).forEach((input, place) => {
      one("[data-number]", input.closest("label")).textContent = String((place + 1) % 10);
    });
    const reason = one("input[name=reason]:checked", form);
    if (reason && !isSeen(reason.closest("label"))) reason.checked = false;
  }

  function pressVerdict(input) {
    const wasArmed = input.checked && form.dataset.armed === input.value;
    input.checked = true;
    input.focus();
    input.scrollIntoView({ block: "nearest" });
    numberReasons();
    form.dataset.armed = input.value;
    const submit = one("button:not([formaction])", form);
    submit.classList.add("armed");
    if (!chosen("reason")) { say(form.dataset.needReason, form); return; }
    const needsTwo = input.value === "merge" || input.value === "partly";
    if (needsTwo && !wasArmed) { say(form.dataset.again.replace(" m", ` ${input.dataset.key}`), form); return; }
    form.requestSubmit(submit);
  }

  function pressDigit(key) {
    const input = reasons()[(Number(key) + 9) % 10];
    if (!input) return false;
    input.checked = true;
    input.scrollIntoView({ block: "nearest" });
    const verdict = chosen("verdict");
    say(verdict ? form.dataset.again.replace(" m", ` ${verdict.dataset.key}`) : input.closest("label").innerText, form);
    return true;
  }

  function disarm() {
    if (form) {
      delete form.dataset.armed;
      all(".armed", form).forEach((each) => each.classList.remove("armed"));
      say("", form);
    }
    all("[data-confirm].armed").forEach((each) => { each.classList.remove("armed"); say("", each.form); });
  }

  // ------------------------------------------------------------------ keys
  function press(element) {
    if (form && element.matches("input[name=verdict]")) { pressVerdict(element); return; }
    if (isTyping(element)) { element.focus(); element.scrollIntoView({ block: "center" }); return; }
    if (element.dataset.confirm && !element.classList.contains("armed")) {
      element.classList.add("armed");
      say(element.dataset.confirm, element.form);
      return;
    }
    element.click();
  }

  function moveRow(step) {
    const rows = all("[data-row] a.row").filter(isSeen);
    if (!rows.length) return false;
    const at = rows.findIndex((row) => row.closest("[data-row]").contains(document.activeElement));
    const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + step))];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
    return true;
  }

  const dialog = one("#keys");
  function showKeys() {
    if (!dialog || !dialog.showModal) return false;
    if (!dialog.open) dialog.showModal();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.altKey) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form) {
      event.target.form.requestSubmit();
      event.preventDefault();
      return;
    }
    if (event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") {
      disarm();
      if (isTyping(event.target)) event.target.blur();
      return;
    }
    if (isTyping(event.target) || (dialog && dialog.open)) return;
    const key = event.key;
    let done = false;
    if (key === "?") done = showKeys();
    else if (key === "j" || key === "k") done = moveRow(key === "j" ? 1 : -1);
    else if (form && /^[0-9]$/.test(key)) done = pressDigit(key);
    if (!done && key.length === 1) {
      const element = all("[data-key]").find((each) => each.dataset.key.split(" ").includes(key) && isSeen(each));
      if (element) { press(element); done = true; }
    }
    if (done) event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-help]");
    if (link && showKeys()) event.preventDefault();
  });

  // ------------------------------------------------------------------ who else looks, what changed
  function watch() {
    const head = one("[data-task]");
    if (!head || !Number(head.dataset.task)) return;
    const viewers = one("[data-viewers]"), stale = one("[data-stale]");
    const ask = async () => {
      if (document.hidden) return;
      try {
        const answer = await fetch(`/tasks/${head.dataset.task}/presence.json`, { headers: { accept: "application/json" } });
        if (!answer.ok) return;
        const news = await answer.json();
        const names = news.viewers.join(", ");
        if (viewers) {
          const text = one("[data-viewers-text]", viewers);
          const words = names ? viewers.dataset.words.replace("%", names) : "";
          if (text.textContent !== words) text.textContent = words;
          viewers.hidden = !names;
        }
        if (stale) stale.hidden = String(news.version) === head.dataset.version;
      } catch { /* the server is away: the page stays as it is */ }
    };
    setInterval(ask, 15000);
    document.addEventListener("visibilitychange", ask);
    ask();
  }

  keepDrafts();
  if (form) {
    form.addEventListener("change", () => { numberReasons(); });
    numberReasons();
  }
  watch();
})();
