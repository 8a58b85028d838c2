"use strict";
(() => {
  const tools = document.querySelector(".tools");
  const query = document.getElementById("q");
  const flagged = document.getElementById("flagged");
  const pick = document.getElementById("org");
  const found = document.getElementById("found");
  const none = document.getElementById("none");
  const kinds = [...document.querySelectorAll("input[name=kind]")];
  const sections = [...document.querySelectorAll(".org")];
  const parts = [...document.querySelectorAll(".part, .list")];
  const items = [...document.querySelectorAll("[data-k]")].map((element) => ({
    element,
    kind: element.dataset.k,
    org: element.dataset.o,
    flag: "f" in element.dataset,
    section: element.closest(".org"),
    heading: "",
    text: "",
    // What holds other items, such as a refusal, stays as long as one of them does.
    inner: element.parentElement.closest("[data-k]"),
    // What is folded around it, to be opened where words find something inside.
    fold: element.parentElement.closest("details"),
  }));
  const folds = new Set(items.map((item) => item.fold).filter(Boolean));
  const opened = new Set();
  // The text of a row is read once; with its organization's and its product's name it can be
  // found by those too.
  const headings = new Map(sections.map((it) => [it, it.querySelector("h2").textContent]));
  for (const item of items) {
    const block = item.element.closest(".lists");
    const product = block ? block.previousElementSibling.textContent : "";
    item.heading = `${headings.get(item.section) || ""} ${product}`.toLowerCase();
    const own = item.element.querySelector(":scope > p") || item.element;
    item.text = own.textContent.toLowerCase();
  }

  const filter = () => {
    const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = new Set(kinds.filter((it) => it.checked).map((it) => it.value));
    const only = flagged !== null && flagged.checked;
    const org = pick === null ? "" : pick.value;
    const active = words.length > 0 || only || org !== "" || shown.size < kinds.length;
    const kept = new Set();
    const whole = new Set();
    const unfold = new Set();
    let count = 0;
    for (const item of items) {
      const keep =
        (kinds.length === 0 || shown.has(item.kind)) &&
        (!only || item.flag) &&
        (org === "" || item.org === org) &&
        words.every((word) => item.text.includes(word) || item.heading.includes(word));
      item.element.hidden = !keep;
      if (keep) {
        count += 1;
        kept.add(item.section);
        if (item.inner) whole.add(item.inner);
        if (item.fold) unfold.add(item.fold);
      }
    }
    for (const element of whole) element.hidden = false;
    // What a search opened it closes again; what a person opened stays.
    for (const fold of folds) {
      if (active && unfold.has(fold) && !fold.open) {
        fold.open = true;
        opened.add(fold);
      } else if (opened.has(fold) && !(active && unfold.has(fold))) {
        fold.open = false;
        opened.delete(fold);
      }
    }
    for (const part of parts) part.hidden = !part.querySelector("[data-k]:not([hidden])");
    for (const section of sections) section.hidden = active && !kept.has(section);
    none.hidden = !active || count > 0;
    const all = items.length.toLocaleString("en");
    found.textContent = active ? `${count.toLocaleString("en")} of ${all} shown` : `${all} in all`;
  };

  let waiting = 0;
  const soon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 80);
  };
  const clear = () => {
    query.value = "";
    for (const kind of kinds) kind.checked = true;
    if (flagged !== null) flagged.checked = false;
    if (pick !== null) pick.value = "";
    filter();
    query.focus();
  };

  query.addEventListener("input", soon);
  tools.addEventListener("change", filter);
  tools.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("clear").addEventListener("click", clear);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      query.focus();
    } else if (event.key === "Escape" && document.activeElement === query) {
      clear();
    }
  });

  // What is folded is printed too, and folded again afterwards.
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const element of folded) element.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const element of folded) element.open = false;
  });

  tools.hidden = false;
  filter();
})();
