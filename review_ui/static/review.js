// Keys, panels and local times. Every page works without this file; it only saves the hand the way to the mouse.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const said = document.body.dataset;

  const typing = (el) => el && (el.matches("textarea, select, [contenteditable]") ||
    (el.matches("input") && !["checkbox", "radio", "submit", "button"].includes(el.type)));

  // Times stand in UTC on the page; here they become the reader's own.
  function localTimes(within) {
    for (const el of within.querySelectorAll("time[datetime]")) {
      const moment = new Date(el.getAttribute("datetime"));
      if (Number.isNaN(moment.getTime())) continue;
      const whole = moment.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
      el.title = whole;
      if (el.hasAttribute("data-when")) el.textContent = whole;
      if (el.hasAttribute("data-clock")) el.textContent = moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    }
  }

  // Days are counted from the reader's midnight; the next page learns how far that is from UTC.
  document.cookie = "returns-desk-offset=" + -new Date().getTimezoneOffset() + "; path=/review; SameSite=Lax; max-age=31536000";

  // What is folded away stays so until its content changes.
  function keepFolds() {
    for (const el of document.querySelectorAll("details[data-keep]")) {
      const key = "folded:" + el.dataset.keep;
      try {
        if (localStorage.getItem(key) === el.dataset.version) el.open = false;
        el.addEventListener("toggle", () => el.open ? localStorage.removeItem(key) : localStorage.setItem(key, el.dataset.version));
      } catch { return; }
    }
  }

  function openPanel(name, focus = true) {
    const panel = document.getElementById(name);
    if (!panel) return;
    for (const other of document.querySelectorAll(".panel.open")) if (other !== panel) other.classList.remove("open");
    panel.classList.add("open");
    if (focus) {
      const first = panel.querySelector("[name=reply]") || panel.querySelector("textarea, select, input:not([type=hidden])");
      panel.scrollIntoView({ block: panel.classList.contains("wide") ? "start" : "center" });
      if (first) first.focus({ preventScroll: true });
    }
    if (window.htmx) window.htmx.trigger(panel, "opened");
  }

  function rows() { return [...document.querySelectorAll("tr[data-row]")]; }
  function select(step) {
    const all = rows();
    if (!all.length) return false;
    const at = all.findIndex((row) => row.classList.contains("selected"));
    const next = all[Math.max(0, Math.min(all.length - 1, at + step))] || all[0];
    all.forEach((row) => row.classList.remove("selected"));
    next.classList.add("selected");
    next.scrollIntoView({ block: "nearest" });
    const link = next.querySelector("a");
    if (link) link.focus({ preventScroll: true });
    return true;
  }

  function press(el) {
    if (el.dataset.opens) { document.getElementById(el.dataset.opens).showModal(); return; }
    if (el.dataset.panel) { openPanel(el.dataset.panel); return; }
    if (el.matches("details")) { el.open = !el.open; el.querySelector("summary").focus(); return; }
    if (el.matches("input, textarea")) { el.focus(); el.select(); return; }
    if (el.disabled) { tell(said.notHere + " " + (el.parentElement.querySelector(".does")?.textContent || "")); return; }
    const reason = el.form && el.form.querySelector("[data-reason]");
    if (reason && !reason.value) { reason.focus(); tell(said.reasonFirst); return; }
    el.click();
  }

  // What was told stays until the next key or click: how fast somebody reads is not ours to guess.
  function tell(text) { document.getElementById("told").textContent = text; }
  for (const kind of ["keydown", "pointerdown"]) document.addEventListener(kind, () => tell(""), true);

  document.addEventListener("click", (event) => {
    const el = event.target.closest("[data-panel], [data-opens]");
    if (el) { event.preventDefault(); press(el); }
  });

  // One press of a button is one write, however nervous the finger.
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post" || event.defaultPrevented) return;
    if (event.target.dataset.sent) { event.preventDefault(); return; }
    event.target.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });

  document.addEventListener("keydown", (event) => {
    const el = document.activeElement;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && el && el.form) {
      event.preventDefault();
      if (el.form.reportValidity()) el.form.requestSubmit(el.form.querySelector("button.primary, button.danger, button:not(.quiet)"));
      return;
    }
    if (event.key === "Escape") {
      if (document.querySelector("dialog[open]")) return;
      if (typing(el)) { el.blur(); return; }
      for (const panel of document.querySelectorAll(".panel.open")) panel.classList.remove("open");
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(el) || document.querySelector("dialog[open]")) return;
    if (event.key === "j" || event.key === "k") {
      if (select(event.key === "j" ? 1 : -1)) { event.preventDefault(); return; }
    }
    const wanted = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === event.key);
    if (wanted) { event.preventDefault(); press(wanted); }
  });

  document.addEventListener("htmx:afterSwap", (event) => { localTimes(event.target); foldFilters(); });
  document.addEventListener("htmx:sendError", () => tell(said.noAnswer));
  document.addEventListener("htmx:responseError", () => tell(said.failed));

  function foldFilters() {
    if (window.matchMedia("(max-width: 48rem)").matches) for (const el of document.querySelectorAll(".more-filters")) el.open = false;
  }

  localTimes(document);
  keepFolds();
  foldFilters();
  const open = document.querySelector(".panel.open");
  if (open) openPanel(open.id);
  else if (location.hash && document.querySelector(".panel" + location.hash)) openPanel(location.hash.slice(1));
})();
