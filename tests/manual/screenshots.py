"""Take the screenshots of docs/pages.md, light and dark, with the synthetic sample.

    make run
    python -m tests.manual.screenshots [--output docs/images] [--second_version 0] [--fill 0]

Continues from the state of `make run` in `NER_VAR`: tags more days, measures, exports sentences for review, trains and
promotes a second version, each unless present; then makes a gate fail. Opens every page in the Debian package chromium, one
during a running night. A picture of 150 KB or more is an error. Not part of the test suite: it takes half an hour;
`--fill 0` takes the pictures of what there is, without the run and the night under way, in a minute.
"""

import argparse
import io
import json
import shutil
import sys
import time
import urllib.parse
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from launcher import secrets
from launcher.layout import REPOSITORY, Layout
from ner_tasks.dashboard import nights
from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.store import keys
from ner_tasks.store.folder import FolderStore
from ner_tasks.tagging.answer_ledger import DOCUMENTS
from ner_tasks.tagging.day_parts import find_parts
from tests.manual.airflow_up import DAG, Airflow, write_inbox

# drift compares a night with at least five before it
N_DAYS, N_DOCUMENTS, N_LARGE = 10, 60, 4000
MOST_BYTES, N_COLOURS = 150_000, 128
WIDTH, HEIGHT, FRAMED = 1180, 1250, 900
PAGES = ("documents", "entities", "models", "quality", "benchmarks", "review")
THEMES = {"light": "", "dark": "-dark"}  # ends of the pictures' names
USED = (DAG, "ner_retrain", "ner_quantize", "ner_benchmark", "ner_review")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=REPOSITORY / "docs" / "images")
    parser.add_argument("--second_version", type=int, default=1, help="0: train none")
    parser.add_argument("--fill", type=int, default=1, help="0: take pictures of what there is")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    layout = Layout.from_env()
    airflow = Airflow(layout)
    filler = Filler(airflow, FolderStore(layout.store_folder))
    try:
        if args.fill:
            filler.fill()
        if args.fill and args.second_version:
            filler.second_version()
        refused = urllib.parse.quote(filler.refused(), safe="") if args.fill else ""
        airflow.api  # noqa: B018 - starts Airflow
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            camera = Camera(browser, layout, args.output)
            for name in PAGES:
                camera.page(name, name)
            camera.page("drift", "quality", section="drift")
            camera.page("document", filler.document())
            camera.page("original-pages", filler.original())
            if args.fill:
                camera.frame("run", f"/dags/ner_retrain/runs/{refused}/plugin/ner-run")
                filler.while_under_way(lambda: camera.frame("tonight", "/plugin/ner-tonight"))
            else:
                camera.frame("tonight", "/plugin/ner-tonight")
            browser.close()
    finally:
        airflow.stop()
    return 0


class Filler:
    """Lets a real Airflow do what there is to be seen."""

    def __init__(self, airflow: Airflow, store: FolderStore) -> None:
        self.airflow, self.store = airflow, store
        published = store.folders("tagged")
        if not published:
            raise SystemExit(f"found no published day, expected that of `make run`, in {store.root}")
        # the sample's own: the day with the most kinds of documents
        self.first = min(published, key=lambda day: (store.root / "inbox" / day / "empty.txt").is_file() is False)

    def fill(self) -> None:
        """Tag more days, measure, and ask for corrections, as far as that has not been done."""
        for dag in USED:
            self.airflow.api.pause(dag, False)
        for back in range(N_DAYS, 0, -1):
            day = str(date.fromisoformat(self.first) - timedelta(days=back))
            if not self.airflow.is_published(day):
                self.store.remove(f"inbox/{day}")
                write_inbox(self.store.root / "inbox" / day, N_DOCUMENTS + 5 * back, seed=back)
                # a night unlike the others is told of by a failed task
                self._do(DAG, {"day": day}, may_fail=True)
        if not self.store.folders("reports/benchmarks"):
            self._do("ner_benchmark", {"batch_sizes": "1,8,32", "rounds": 3, "n_sentences": 128})
        if not self.store.folders("reports/review"):
            self._do("ner_review", {"day": self.first, "n_most": 20})

    def second_version(self) -> None:
        """Train another version and wait until it is promoted."""
        if len(self.store.read_lines("models/history.jsonl")) < 2:
            self._do("ner_retrain", {"epochs": 2, "force": True})
            self._wait(lambda: len(self.store.read_lines("models/history.jsonl")) > 1, "a second promotion")

    def refused(self) -> str:
        """A run that asks more of the model than it can do: what is made is found, and the gate says no."""
        return self._do("ner_retrain", {"epochs": 2, "min_f1": 1.0}, may_fail=True)

    def document(self) -> str:
        """Where a document with several entities is shown."""
        best = max(self._answers(), key=lambda answer: min(len(answer["entities"]), 12))
        return f"documents/{self.first}?name={urllib.parse.quote(best['document'])}"

    def original(self) -> str:
        """Where a page of a PDF with several entities is shown."""
        paged = (answer for answer in self._answers() if answer["receipt"]["format"] == "pdf")
        best = max(paged, key=lambda answer: min(len(answer["entities"]), 12))
        return f"documents/{self.first}/page?name={urllib.parse.quote(best['document'])}"

    def _answers(self) -> list[dict[str, Any]]:
        parts = find_parts(self.store.root / keys.tagged_day(self.first))
        return [json.loads(line) for part in parts for line in (part / DOCUMENTS).read_text("utf-8").splitlines()]

    def while_under_way(self, shoot: Callable[[], None]) -> None:
        """Have a larger night tagged, and take a picture when the first of its shards are answered."""
        day = str(date.fromisoformat(self.first) + timedelta(days=1))
        self.store.remove(f"inbox/{day}")
        write_inbox(self.store.root / "inbox" / day, N_LARGE, seed=int(time.time()))
        run = self.airflow.api.trigger(DAG, {"day": day, "shard_minutes": 0.15})
        reader = StoreReader(self.store)
        self._wait(lambda: any(night.n_done for night in nights.list_in_progress(reader)), "an answered shard")
        shoot()
        self._ended(DAG, run)

    def _do(self, dag: str, conf: dict[str, object], *, may_fail: bool = False) -> str:
        print(f"{dag} {json.dumps(conf)}", flush=True)
        run = self.airflow.api.trigger(dag, conf)
        state = self._ended(dag, run)
        if state != "success" and not may_fail:
            raise SystemExit(f"found {state}, expected success, of {dag} run {run}")
        return run

    def _ended(self, dag: str, run: str) -> str:
        self._wait(lambda: self.airflow.api.run(dag, run)["state"] in ("success", "failed"), f"the end of {dag} {run}")
        return str(self.airflow.api.run(dag, run)["state"])

    def _wait(self, is_so: Callable[[], bool], what: str, most_s: float = 2400.0) -> None:
        deadline = time.monotonic() + most_s
        while not is_so():
            if time.monotonic() > deadline:
                raise SystemExit(f"found none after {most_s:.0f} s, expected {what}")
            time.sleep(1.0)


class Camera:
    """A browser in which the one user of the installation has logged in."""

    def __init__(self, browser, layout: Layout, output: Path) -> None:  # type: ignore[no-untyped-def]
        self.browser, self.url, self.output = browser, layout.url, output
        page = browser.new_page()
        answer = page.request.post(
            f"{self.url}/auth/token", data={"username": secrets.USER, "password": secrets.password(layout)}
        )
        self.token = answer.json()["access_token"]
        page.close()

    def page(self, name: str, address: str, *, section: str = "") -> None:
        """One of our pages by itself, from its top or from a section on."""
        for scheme, end in THEMES.items():
            self._shoot(f"{name}{end}", f"/ner-ops/{address}", scheme, section=section)

    def frame(self, name: str, path: str) -> None:
        """One of our pages in Airflow's own."""
        for scheme, end in THEMES.items():
            self._shoot(f"{name}{end}", path, scheme, framed=True)

    def _shoot(self, name: str, path: str, scheme: str, *, framed: bool = False, section: str = "") -> None:
        # Airflow's page makes its frame anew when its window changes
        height = FRAMED if framed else 760
        context = self.browser.new_context(viewport={"width": WIDTH, "height": height}, color_scheme=scheme)
        context.add_cookies([{"name": "_token", "value": self.token, "url": self.url}])
        page: Page = context.new_page()
        page.goto(f"{self.url}{path}")
        if framed:
            page.frame_locator("iframe").locator("main h1").wait_for(timeout=60_000)
            page.wait_for_timeout(5000)
        else:
            height = min(HEIGHT, page.evaluate("document.documentElement.scrollHeight"))
            page.set_viewport_size({"width": WIDTH, "height": height})
        if section:
            page.evaluate(f"document.getElementById('{section}').scrollIntoView({{behavior: 'instant'}})")
        target = self.output / f"{name}.png"
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        context.close()
        picture.quantize(N_COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)
        n_bytes = target.stat().st_size
        print(f"{target}: {n_bytes / 1000:.0f} KB", flush=True)
        if n_bytes >= MOST_BYTES:
            raise SystemExit(f"found {n_bytes} bytes, expected fewer than {MOST_BYTES}, at {target}")


if __name__ == "__main__":
    sys.exit(main())
