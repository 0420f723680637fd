// Sentences of the review queue: collects what a reviewer decides and has one DAG run record it.
"use strict";

const PATIENCE_S = 30; // after which a run that waits is reported
const save = document.querySelector("form.save");
const articles = () => [...document.querySelectorAll("article.sentence:not([inert])")];
const rowsOf = (article) => [...article.querySelectorAll("tr.entity")];
const shown = new Map(); // decisions as the page came
const verdictOf = (row) => (row.dataset.entity === "" ? "add" : (row.querySelector("input.verdict:checked")?.value ?? ""));

// Offsets count characters, and a string of JavaScript counts half of some of them.
function showMention(article, row) {
  const text = Array.from(JSON.parse(article.dataset.text));
  row.querySelector(".mention").textContent = text.slice(row.dataset.start, row.dataset.end).join("");
}

// The decision of one sentence; null unless it is complete.
function decide(article) {
  const decision = { sentence: article.dataset.sentence };
  const settles = JSON.parse(article.dataset.settles);
  if (settles.length) decision.settles = settles;
  const taken = article.querySelector("input.take:checked")?.value;
  if (settles.length && !taken) return null;
  if (taken && taken !== "own") return { ...decision, take: taken };
  const rows = rowsOf(article);
  const nothing = article.querySelector("input.nothing");
  if (rows.length ? !rows.every(verdictOf) : !nothing?.checked) return null;
  return { ...decision, verdicts: rows.map(describe) };
}

function describe(row) {
  const verdict = verdictOf(row);
  const said = verdict === "add" ? { verdict } : { verdict, entity: Number(row.dataset.entity) };
  if (verdict === "correct" || verdict === "add") {
    said.start = Number(row.dataset.start);
    said.end = Number(row.dataset.end);
    said.label = row.querySelector("select.label-choice").value;
    const statuses = [...row.querySelectorAll("input.status")];
    const chosen = statuses.filter((one) => one.checked).map((one) => one.value);
    if (chosen.length || row.dataset.assessed) said.assertion = chosen;
  }
  const code = row.querySelector("select.code-choice")?.selectedOptions[0];
  if (verdict !== "reject" && code?.value) Object.assign(said, { code: code.value, code_system: code.dataset.system });
  return said;
}

// Whether a sentence has been decided here, and otherwise than it was shown.
function isDecided(article) {
  const decision = decide(article);
  return decision !== null && JSON.stringify(decision) !== shown.get(article);
}

function update() {
  for (const article of articles()) article.classList.toggle("done", isDecided(article));
  const decided = articles().filter(isDecided);
  if (!save) return;
  save.querySelector("button").disabled = !decided.length;
  save.querySelector(".decided").textContent = `${decided.length} of ${articles().length} sentences ${save.dataset.done}`;
}

// Moves one end of an entity to the next word; it never passes the other end.
function move(article, row, edge, by) {
  const words = JSON.parse(article.dataset.words);
  const first = words.findIndex((word) => word[1] > row.dataset.start);
  const last = words.findLastIndex((word) => word[0] < row.dataset.end);
  if (edge === "start" && words[first + by] && first + by <= last) row.dataset.start = words[first + by][0];
  if (edge === "end" && words[last + by] && first <= last + by) row.dataset.end = words[last + by][1];
  changed(article, row);
}

function changed(article, row) {
  showMention(article, row);
  const correct = row.querySelector("input.verdict[value=correct]");
  if (correct) correct.checked = true;
}

// The words that are selected with the mouse.
function selectedWords(article) {
  const selection = document.getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return null;
  const range = selection.getRangeAt(0);
  const numbers = [...article.querySelectorAll(".text [data-word]")].filter((word) => range.intersectsNode(word));
  if (!numbers.length) return null;
  const words = JSON.parse(article.dataset.words);
  return [words[numbers[0].dataset.word][0], words[numbers.at(-1).dataset.word][1]];
}

function add(article) {
  const words = JSON.parse(article.dataset.words);
  const [start, end] = selectedWords(article) ?? words[0];
  const row = document.getElementById("added").content.firstElementChild.cloneNode(true);
  Object.assign(row.dataset, { start, end });
  article.querySelector("table.entities").hidden = false;
  article.querySelector("table.entities tbody").append(row);
  const nothing = article.querySelector("input.nothing");
  if (nothing) nothing.checked = false;
  showMention(article, row);
  row.querySelector("select.label-choice").focus();
}

// Where the keyboard is: a row, or its sentence.
function focusOn(target) {
  const all = [...target.querySelectorAll("input:is(.verdict, .nothing, .take):enabled")];
  const choice = all.find((one) => one.checked) ?? all[0] ?? target;
  choice.focus();
  target.scrollIntoView({ block: "nearest" });
}

function nextSentence(article, by) {
  const all = articles();
  const next = all[article ? all.indexOf(article) + by : 0];
  if (!next) return save?.querySelector("button").focus();
  focusOn(rowsOf(next).find((row) => !verdictOf(row)) ?? next);
}

function answer(article, row, verdict) {
  const chosen = row?.querySelector(`input.verdict[value=${verdict}]`);
  const nothing = article.querySelector("input.nothing");
  if (chosen) chosen.checked = true;
  else if (nothing && verdict === "accept") nothing.checked = true;
  else return;
  update();
  const open = rowsOf(article).find((one) => !verdictOf(one));
  if (open) focusOn(open);
  else nextSentence(article, 1);
}

async function send() {
  const sent = articles().filter(isDecided);
  const output = save.querySelector("output");
  save.querySelector("button").disabled = true;
  output.textContent = "Saving…";
  const conf = { day: save.dataset.day, decisions: sent.map(decide) };
  const started = await trigger(save.dataset.url, conf);
  if (started.problem) {
    output.textContent = started.problem;
    return update();
  }
  for (const article of sent) article.inert = true;
  update();
  const state = await follow(`${save.dataset.url}/${encodeURIComponent(started.run)}`, output);
  if (state === "success") {
    output.textContent = `Saved: ${sent.length} ${sent.length === 1 ? "sentence" : "sentences"}.`;
    for (const article of sent) article.remove();
    document.getElementById("more").hidden = articles().length > 0;
  } else {
    const link = Object.assign(document.createElement("a"), { textContent: "Reason" });
    link.href = `${save.dataset.runPage}/${encodeURIComponent(started.run)}`;
    output.replaceChildren(`Not saved in full: run ${started.run} failed. `, link);
    for (const article of sent) article.inert = false;
  }
  update();
}

// Waits for the end of a run; returns its state.
async function follow(url, output) {
  for (let second = 0; ; second += 2) {
    await new Promise((done) => setTimeout(done, 2000));
    try {
      const { state } = await (await fetch(url, { credentials: "same-origin" })).json();
      if (state === "success" || state === "failed") return state;
      if (second > PATIENCE_S && state !== "running") output.textContent = "Saving… the run waits; is the DAG paused?";
    } catch {
      // the server may answer again
    }
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  const article = event.target.closest("article.sentence");
  if (!button || !article) return;
  const row = button.closest("tr.entity");
  if (button.dataset.edge) move(article, row, button.dataset.edge, Number(button.dataset.by));
  if (button.matches(".add")) add(article);
  if (button.matches(".remove")) row.remove();
  if (button.matches(".mark")) {
    const words = selectedWords(article);
    if (words) [row.dataset.start, row.dataset.end] = words;
    if (words) changed(article, row);
  }
  update();
});

document.addEventListener("change", (event) => {
  const row = event.target.closest("tr.entity");
  if (row && event.target.matches(".label-choice, .status")) changed(event.target.closest("article"), row);
  update();
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form.save")) return;
  event.preventDefault();
  send();
});

// Keys count while the focus is in a sentence, and not where they choose an option.
document.addEventListener("keydown", (event) => {
  const article = event.target.closest("article.sentence");
  if (!article || event.target.matches("select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const row = event.target.closest("tr.entity") ?? rowsOf(article).find((one) => !verdictOf(one));
  const act = {
    n: () => nextSentence(article, 1),
    p: () => nextSentence(article, -1),
    a: () => answer(article, row, "accept"),
    r: () => answer(article, row, "reject"),
    e: () => add(article),
  }[event.key];
  if (!act || (!save && "are".includes(event.key))) return;
  event.preventDefault();
  act();
});

for (const article of articles()) shown.set(article, JSON.stringify(decide(article)));
update();
