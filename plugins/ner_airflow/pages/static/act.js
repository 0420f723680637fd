// A form of class "act" starts a run of a DAG through Airflow's API, with the session of whoever looks at the page.
"use strict";

async function start(form) {
  const said = form.querySelector("output");
  const button = form.querySelector("button");
  // the frame that Airflow shows pages in allows no dialogs: a second press confirms
  if (form.dataset.confirm && !form.dataset.asked) {
    form.dataset.asked = "yes";
    said.textContent = `${form.dataset.confirm} Press again.`;
    return;
  }
  button.disabled = true;
  try {
    const answer = await fetch(form.dataset.url, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ logical_date: null, conf: JSON.parse(form.dataset.conf) }),
    });
    const body = await answer.json();
    if (answer.ok) {
      said.textContent = `Started: ${body.dag_id}, ${body.dag_run_id}.`;
      return;
    }
    said.textContent = answer.status === 403 ? "Your role may not start this." : `Not started: ${JSON.stringify(body.detail)}`;
  } catch (error) {
    said.textContent = `Not started: ${error.message}`;
  }
  button.disabled = false;
  delete form.dataset.asked;
}

// What is under way is fetched anew as often as its element says, in seconds.
function live() {
  const shown = document.querySelector("[data-live]");
  if (!shown) return;
  setTimeout(async () => {
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(shown.id);
      if (answer.ok && fresh) {
        // what was under way is published, or stopped: the rest of the page is of before
        if (!fresh.dataset.live) return location.reload();
        shown.replaceWith(fresh);
      }
    } catch {
      // shown as it was until the server answers again
    }
    live();
  }, 1000 * shown.dataset.live);
}
live();

// Airflow's frame may open no window and lead its own window nowhere; a link of the window's own document may.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a.airflow");
  if (!link || window === window.parent || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const outside = window.parent.document.createElement("a");
  outside.href = link.href;
  outside.click();
});

document.addEventListener("submit", (event) => {
  if (event.target.matches("form.act")) {
    event.preventDefault();
    start(event.target);
  }
});
