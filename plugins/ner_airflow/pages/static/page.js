// Keys of a document's page: n and p go to the next and previous entity, arrows to the next and previous page. They act
// only while the focus is in the viewer, so that they take no key from a field or from who navigates by other means.
"use strict";

const viewer = document.getElementById("viewer");
const boxes = viewer ? [...viewer.querySelectorAll("a.box")] : [];

function go(address) {
  if (address) location.assign(address);
}

// Step to another entity: on this page, or the first or last one of the nearest page that has some.
function step(by) {
  const at = boxes.indexOf(document.activeElement.closest("a.box") ?? viewer.querySelector("a.current"));
  const next = at < 0 ? (by > 0 ? 0 : boxes.length - 1) : at + by;
  if (boxes[next]) boxes[next].focus();
  else go(by > 0 ? viewer.dataset.later : viewer.dataset.earlier);
}

const keys = {
  n: () => step(1),
  p: () => step(-1),
  ArrowRight: () => go(viewer.dataset.next),
  ArrowLeft: () => go(viewer.dataset.previous),
};

// Mark the entity in the page and in the text, and bring both into view.
function show(box) {
  for (const other of viewer.querySelectorAll(".current")) other.classList.remove("current");
  box.classList.add("current");
  box.scrollIntoView({ block: "nearest" });
  const mark = document.getElementById(box.getAttribute("href").slice(1));
  if (!mark) return;
  mark.classList.add("current");
  const beside = mark.closest(".beside");
  beside.scrollTop += mark.getBoundingClientRect().top - beside.getBoundingClientRect().top - beside.clientHeight / 3;
}

if (viewer) {
  viewer.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  viewer.addEventListener("focusin", (event) => {
    const box = event.target.closest("a.box");
    if (box) show(box);
  });
  if (location.hash === "#first-entity") boxes[0]?.focus();
  else if (location.hash === "#last-entity") boxes.at(-1)?.focus();
  else if (location.hash === "#viewer") viewer.focus();
}
