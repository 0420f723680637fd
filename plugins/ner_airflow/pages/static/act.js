// A form of class "act" triggers a DAG run through Airflow's API, with the session of the logged-in user.
"use strict";

// Triggers a run of a DAG; returns its id, or why there is none.
async function trigger(url, conf) {
  try {
    const answer = await fetch(url, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ logical_date: null, conf }),
    });
    const body = await answer.json();
    if (answer.ok) return { dag: body.dag_id, run: body.dag_run_id };
    if (answer.status === 403) return { problem: "Your role does not allow you to start this." };
    return { problem: `Not started: ${JSON.stringify(body.detail)}` };
  } catch (error) {
    return { problem: `Not started: ${error.message}` };
  }
}

async function start(form) {
  const output = form.querySelector("output");
  const button = form.querySelector("button");
  // Airflow's iframe allows no dialogs: a second press confirms
  if (form.dataset.confirm && !form.dataset.asked) {
    form.dataset.asked = "yes";
    output.textContent = `${form.dataset.confirm} Press again to confirm.`;
    return;
  }
  button.disabled = true;
  const started = await trigger(form.dataset.url, JSON.parse(form.dataset.conf));
  output.textContent = started.problem ?? `Started: ${started.dag}, ${started.run}.`;
  if (!started.problem) return;
  button.disabled = false;
  delete form.dataset.asked;
}

// Follows Airflow's own switch between light and dark, which the frame cannot see; alone, the browser's preference holds.
function follow() {
  if (window === window.parent) return;
  const root = window.parent.document.documentElement;
  const take = () => {
    const dark = root.classList.contains("dark");
    document.documentElement.classList.toggle("dark", dark);
    document.documentElement.classList.toggle("light", !dark && root.classList.contains("light"));
  };
  take();
  new MutationObserver(take).observe(root, { attributeFilter: ["class"] });
}
try {
  follow();
} catch {
  // another origin shows the page
}

// Refreshes the element with data-live="<seconds>" at that interval.
function refresh() {
  const shown = document.querySelector("[data-live]");
  if (!shown) return;
  setTimeout(async () => {
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(shown.id);
      if (answer.ok && fresh) {
        // the night was published or stopped, so the rest of the page is out of date
        if (!fresh.dataset.live) return location.reload();
        shown.replaceWith(fresh);
      }
    } catch {
      // keep the old content until the server answers again
    }
    refresh();
  }, 1000 * shown.dataset.live);
}
refresh();

// The sandboxed frame may neither open a window nor navigate its parent; a link inside the parent document may.
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
