// Keeps a page up to date: fetches it again every few seconds and changes what has changed. Without it everything works all the same.
"use strict";
(() => {
  const every = 4000;
  const longest = 60000;
  const state = document.getElementById("live-state");
  const announcer = document.getElementById("announcer");
  const isLive = document.body.dataset.live === "true";
  let wait = every;
  let timer = 0;
  let isPaused = remembered();
  let isFetching = false;

  function remembered() {
    try { return sessionStorage.getItem("taskqueue.paused") === "yes"; } catch { return false; }
  }
  function remember() {
    try { sessionStorage.setItem("taskqueue.paused", isPaused ? "yes" : "no"); } catch { /* It holds for this page alone. */ }
  }

  // What was done is said once: not again when the page is loaded again.
  const here = new URL(location.href);
  if (here.searchParams.has("said")) {
    here.searchParams.delete("said");
    here.searchParams.delete("n");
    history.replaceState(null, "", here);
  }

  // MARK: Changing

  const key = (node) => (node.nodeType === 1 ? node.getAttribute("data-key") || node.id || null : null);

  // What the person has changed stays: what is open, what is typed, what is ticked.
  function changeAttributes(old, fresh) {
    for (const { name, value } of [...fresh.attributes]) {
      if (old.getAttribute(name) !== value && !(name === "value" && old === document.activeElement)) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !(name === "open" && old.localName === "details")) old.removeAttribute(name);
    }
  }

  function change(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType !== 1) { old.nodeValue = fresh.nodeValue; return; }
    changeAttributes(old, fresh);
    const keyed = new Map();
    for (const child of old.childNodes) if (key(child)) keyed.set(key(child), child);
    let place = old.firstChild;
    for (const wanted of [...fresh.childNodes]) {
      const name = key(wanted);
      let found = name ? keyed.get(name) : place;
      while (!name && found && key(found)) found = found.nextSibling;
      if (found && found.nodeType === wanted.nodeType && found.nodeName === wanted.nodeName) {
        if (found !== place) old.insertBefore(found, place); else place = place.nextSibling;
        change(found, wanted);
      } else {
        old.insertBefore(document.importNode(wanted, true), place);
      }
    }
    while (place) {
      const next = place.nextSibling;
      place.remove();
      place = next;
    }
  }

  // A form that is being filled in, ticks and a selection are not to be changed under somebody's hands.
  function isBusy(part) {
    if (part.querySelector("details.act[open], input:checked")) return true;
    const selection = document.getSelection();
    return Boolean(selection && !selection.isCollapsed && part.contains(selection.anchorNode));
  }

  function apply(fresh) {
    for (const part of document.querySelectorAll("[data-part]")) {
      const wanted = fresh.getElementById(part.id);
      if (!wanted || isBusy(part)) continue;
      const said = part.dataset.say;
      change(part, wanted);
      if (part.dataset.say !== said && part.dataset.say) announcer.textContent = part.dataset.say;
    }
  }

  // MARK: Fetching

  async function refresh() {
    clearTimeout(timer);
    if (isPaused || document.hidden || isFetching) return;
    isFetching = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin", redirect: "manual" });
      if (answer.type === "opaqueredirect" || answer.status === 401) { show("You are signed out; load the page again.", "lost"); return; }
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      apply(fresh);
      wait = every;
      const time = fresh.querySelector("#live-state time");
      show(`Live, read at ${time ? time.textContent : "?"} UTC. All times are UTC.`, "live");
    } catch {
      wait = Math.min(wait * 2, longest);
      show(`Not reached; tried again in ${Math.round(wait / 1000)} s.`, "lost");
    } finally {
      isFetching = false;
    }
    timer = setTimeout(refresh, wait);
  }

  const text = document.createElement("span");
  const button = document.createElement("button");
  button.type = "button";
  function show(words, look) {
    text.textContent = words;
    state.className = look;
  }
  function toggle() {
    isPaused = !isPaused;
    remember();
    label();
    if (isPaused) { clearTimeout(timer); show("Stands still.", ""); } else { wait = every; refresh(); }
  }
  function label() { button.textContent = isPaused ? "Go on" : "Hold"; }

  if (isLive && state) {
    text.textContent = isPaused ? "Stands still." : state.textContent;
    state.replaceChildren(text, button);
    state.className = isPaused ? "" : "live";
    label();
    button.addEventListener("click", toggle);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
    timer = setTimeout(refresh, every);
  }

  // MARK: Comfort

  document.addEventListener("keydown", (event) => {
    const open = document.querySelector("details.act[open], details.menu[open]");
    if (event.key === "Escape" && open) {
      open.open = false;
      open.querySelector("summary").focus();
    } else if (event.key === "/" && !/^(input|select|textarea)$/i.test(document.activeElement.localName)) {
      event.preventDefault();
      document.getElementById("find").focus();
    }
  });
  document.addEventListener("click", (event) => {
    for (const open of document.querySelectorAll("details.act[open], details.menu[open]")) if (!open.contains(event.target)) open.open = false;
  });

  const head = document.querySelector("table.choose th.tick");
  if (head) {
    const all = document.createElement("input");
    all.type = "checkbox";
    all.setAttribute("aria-label", "Tick all of this page");
    all.addEventListener("change", () => {
      for (const box of document.querySelectorAll("input[form=chosen]")) box.checked = all.checked;
    });
    head.replaceChildren(all);
  }
})();
