"""A day's page tells the whole day in bounded space, and nothing that a document brings can do more than be read."""

import html.parser
import json
import re
import shutil
import subprocess
import tracemalloc
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.tagging.exports.page import write_day_page
from tests.answers import answer, without_text, write

LETTER = answer("a.txt", "Rosa Delgado lives in Tampa.", {"Rosa Delgado": "per", "Tampa": "geo"})
BROKEN = {"document": "scan.pdf", "reason": "no-text-layer", "message": "found images only, expected text"}


class Page(html.parser.HTMLParser):
    """What a browser would make of a page: its tags with their attributes, and the text between them."""

    def __init__(self, source: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.source = source
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str) -> list[dict]:
        return [attrs for name, attrs in self.tags if name == tag]


def page_of(folder: Path, lines: list[dict], rejected: list[dict] = (), **options) -> Page:
    labels = [entity["label"] for line in lines for entity in line["entities"]]
    reasons = [line["reason"] for line in rejected]
    manifest = {
        "n_documents": len(lines) + len(rejected),
        "n_tagged": len(lines),
        "n_rejected": len(rejected),
        "n_partly_read": sum(bool(line["receipt"]["unread"]) for line in lines),
        "rejected": {reason: reasons.count(reason) for reason in reasons},
        "ignored": {},
        "n_words": 12345,
        "n_entities": len(labels),
        "entities": {label: labels.count(label) for label in labels},
        "words_per_s": 1674.2,
        "model_version": "v1-int8",
    }
    documents, rejects = write(folder / "d.jsonl", lines), write(folder / "r.jsonl", list(rejected))
    write_day_page(documents, rejects, manifest, folder / "page.html", **options)
    return Page((folder / "page.html").read_text(encoding="utf-8"))


def test_the_summary_comes_first_then_documents_then_rejects(tmp_path: Path) -> None:
    page = page_of(tmp_path, [LETTER], [BROKEN], day=date(2026, 3, 14))
    order = ["Tagged on 2026-03-14", "v1-int8", "Summary", "12\u202f345", "1\u202f674", "geo", "a.txt", "scan.pdf"]
    places = [page.text.rindex(word) if word == "a.txt" else page.text.index(word) for word in order]
    assert places == sorted(places)
    assert "found images only, expected text" in page.text


def test_each_entity_is_marked_with_its_label_and_its_score(tmp_path: Path) -> None:
    page = page_of(tmp_path, [LETTER])
    rosa, tampa = page.all("mark")
    assert (rosa["title"], tampa["title"]) == ("per, score 0.90", "geo, score 0.90")
    assert rosa["class"] != tampa["class"]
    assert "Rosa Delgado\xa0per lives in Tampa\xa0geo." in page.text


def test_a_doubtful_entity_shows_its_score(tmp_path: Path) -> None:
    page = page_of(tmp_path, [answer("a", "Rosa left.", {"Rosa": "per"}, score=0.41)])
    assert "Rosa\xa0per\xa00.41 left." in page.text
    assert "2 words, 1 entity" in page.text


def test_where_the_text_was_not_kept_bounds_and_labels_are_shown(tmp_path: Path) -> None:
    page = page_of(tmp_path, [without_text(LETTER)])
    assert "Rosa" not in page.source
    assert all(said in page.text for said in ("The text was not kept", LETTER["sha256"], "[0, 12)", "[22, 27)"))


def test_documents_are_spread_over_the_day_and_the_rest_is_told(tmp_path: Path) -> None:
    lines = [answer(f"d{index:04}.txt", "x") for index in range(1000)]
    page = page_of(tmp_path, lines, [{**BROKEN, "document": f"r{index}"} for index in range(500)])
    shown = [int(name) for name in re.findall(r"d(\d{4})\.txt", page.text)]
    assert len(shown) == 100
    assert shown[0] < 10 and shown[-1] >= 990
    assert "100 of 1\u202f000, spread evenly" in page.text
    assert "200 of 500, spread evenly" in page.text


def test_a_long_document_is_shown_around_its_entities(tmp_path: Path) -> None:
    text = "Nothing. " * 2000 + "Rosa Delgado called. " + "Nothing. " * 2000
    page = page_of(tmp_path, [answer("long.txt", text, {"Rosa Delgado": "per"})])
    assert "Rosa Delgado\xa0per called." in page.text
    assert "excerpts of 36\u202f021 characters" in page.text
    assert len(page.source) < 20_000


def test_an_empty_day_says_so(tmp_path: Path) -> None:
    page = page_of(tmp_path, [])
    assert "None: no document could be tagged." in page.text


def test_the_page_may_run_and_load_nothing(tmp_path: Path) -> None:
    page = page_of(tmp_path, [LETTER], [BROKEN])
    policy = next(meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "form", "input", "base"}
    assert not any(attrs.keys() & {"style", "onload", "onclick", "src"} for _, attrs in page.tags)
    assert all(link["href"].startswith("#") for link in page.all("a"))


HOSTILE = (
    '</div></article><script>document.title="owned"</script><img src=x onerror="document.title=\'owned\'">'
    "<style>body{display:none}</style> {{ 7 * 7 }} {% raw %} &lt;b&gt; \x1b[2J \x00 \u202eesrever\u2066 Rosa \x85 \u0335\u0336"
)


def hostile_page(folder: Path) -> Page:
    name = f"{HOSTILE}/../../etc/passwd\n" + "n" * 5000
    mark = HOSTILE.replace(" ", "")[:40]
    lines = [
        answer(name, HOSTILE, {"Rosa": "per"}),
        answer("mark.txt", HOSTILE, {HOSTILE[:60]: mark, "Rosa": "per"}),
        answer("word.txt", "x" * 1_000_000, {"x" * 1_000_000: "org"}),
        answer("surrogate\udce9.txt", "half \ud800 Rosa", {"Rosa": "per"}),
    ]
    return page_of(folder, lines, [{"document": name, "reason": HOSTILE, "message": HOSTILE * 100}])


def test_hostile_text_is_text(tmp_path: Path) -> None:
    page, calm = hostile_page(tmp_path), page_of(tmp_path, [LETTER], [BROKEN])
    assert {tag for tag, _ in page.tags} == {tag for tag, _ in calm.tags}
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page.source)
    assert "{{ 7 * 7 }}" in page.text and "{% raw %}" in page.text
    assert '<script>document.title="owned"</script>' in page.text
    assert len(page.source) < 60_000


@given(st.text(max_size=40), st.text(min_size=1, max_size=20))
def test_no_text_adds_an_element(tmp_path_factory: pytest.TempPathFactory, text: str, label: str) -> None:
    folder = tmp_path_factory.mktemp("page")
    lines = [answer(text, f"{text}Rosa{text}", {"Rosa": label})]
    page = page_of(folder, lines, [{"document": text, "reason": label, "message": text}])
    calm = page_of(folder, [answer("a", "bRosab", {"Rosa": "c"})], [BROKEN])
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in calm.tags]


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs the Debian package chromium")
@pytest.mark.slow
def test_a_browser_shows_the_hostile_page_as_text(tmp_path: Path) -> None:
    page = hostile_page(tmp_path)
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--dump-dom",
    ]
    command = ["chromium", *flags, (tmp_path / "page.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    seen = Page(done.stdout)
    assert "<title>Tagged documents</title>" in done.stdout
    assert [tag for tag, _ in seen.tags] == [tag for tag, _ in page.tags]
    assert not re.search(r"Refused|violates|Uncaught", done.stderr)


@pytest.mark.slow
def test_a_day_of_many_documents_takes_no_more_memory(tmp_path: Path) -> None:
    peaks = []
    rejects = write(tmp_path / "r.jsonl", [])
    manifest = dict.fromkeys(("n_documents", "n_tagged", "n_rejected", "n_words", "n_entities", "words_per_s"), 0)
    for n in (10_000, 100_000):
        path = tmp_path / "d.jsonl"
        path.write_text((json.dumps(LETTER) + "\n") * n)
        tracemalloc.start()
        write_day_page(
            path, rejects, {**manifest, "entities": {}, "rejected": {}, "ignored": {}}, tmp_path / "page.html"
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_what_is_broken_is_named_and_the_old_page_stays(tmp_path: Path) -> None:
    page_of(tmp_path, [LETTER])
    before = (tmp_path / "page.html").read_text()
    with pytest.raises(ArtifactBroken, match=r"expected a rejected document, in .*r\.jsonl, line 1"):
        page_of(tmp_path, [LETTER], [{"reason": "x"}])
    assert (tmp_path / "page.html").read_text() == before
    (tmp_path / "d.jsonl").unlink()
    with pytest.raises(InputMissing):
        write_day_page(tmp_path / "d.jsonl", tmp_path / "r.jsonl", {"entities": {}}, tmp_path / "page.html")


@pytest.mark.parametrize("dense", [False, True])
def test_a_day_of_hostile_names_and_texts_makes_a_page_of_a_mebibyte_at_most(tmp_path, dense):
    quotes = '"' * 5_000
    answers = []
    for number in range(120):
        line = answer(f"{number}{quotes}", f"Anna {quotes}")
        spans = range(0, 5_000, 2) if dense else [0]
        line["entities"] = [{"start": start, "end": start + 1, "label": "per", "score": 0.5} for start in spans]
        line["receipt"]["unread"] = [quotes] * 9
        answers.append(line)
    rejects = [{"document": quotes, "reason": quotes, "message": quotes}] * 300
    write(tmp_path / "documents.jsonl", answers)
    write(tmp_path / "rejected.jsonl", rejects)
    counts = dict.fromkeys(("n_documents", "n_tagged", "n_rejected", "n_words", "n_entities", "words_per_s"), 9)
    names = {f"{number}{quotes}": 1 for number in range(90)}
    manifest = {**counts, "entities": names, "rejected": names, "ignored": names}
    write_day_page(tmp_path / "documents.jsonl", tmp_path / "rejected.jsonl", manifest, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_bytes()
    assert len(page) <= 2**20
    assert page.count(b"<article") == 100
    assert page.count(b"and 40 more") == 3
