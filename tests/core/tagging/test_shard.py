"""Documents in, answers out: nothing lost, nothing shifted, one bad document hurts no other."""

import hashlib
import json
import re
import time
import tracemalloc
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ner_tasks.documents import Document, Limits
from ner_tasks.documents.inventory import Items
from ner_tasks.documents.source_map import SourceMap
from ner_tasks.enrichment.rules import EnrichmentRules
from ner_tasks.errors import ArtifactBroken, GateNotPassed
from ner_tasks.files import schema
from ner_tasks.tagging import batcher, shard
from ner_tasks.tagging.batcher import TagConfig
from ner_tasks.tagging.conversion import convert_answers
from ner_tasks.tagging.shard import check_yield, tag_documents
from tests.growth import peak_mib
from tests.rules import Answer, RuleTagger, lines


@pytest.fixture
def run(tmp_path):
    def _run(files: dict[str, str | bytes], tagger=None, limits=None, language="auto", **options):
        (tmp_path / "inbox").mkdir(exist_ok=True)
        documents = []
        for number, (name, content) in enumerate(files.items()):
            path = tmp_path / "inbox" / str(number)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            documents.append((name, path))
        output = tmp_path / "tagged"
        config = TagConfig(Limits(**(limits or {})), version="c1", language=language)
        manifest = tag_documents(documents, tagger=tagger or RuleTagger(), output=output, config=config, **options)
        return manifest, lines(output / "documents.jsonl"), lines(output / "rejected.jsonl")

    return _run


class ListeningTagger(RuleTagger):
    """Keeps the sentences that it is given."""

    def __init__(self):
        super().__init__()
        self.sentences: list[list[str]] = []

    def tag(self, sentences):
        self.sentences += [list(words) for words in sentences]
        return super().tag(sentences)


SPANISH = "La Sra. García no ha sido vista por el Dr. Pérez. Le escribimos el núm. 5."


@pytest.mark.parametrize(("setting", "expected"), [("auto", ["en", "es"]), ("es", ["es", "es"]), ("en", ["en", "en"])])
def test_each_document_is_cut_by_the_rules_of_its_language_and_its_receipt_names_it(run, setting, expected):
    tagger = ListeningTagger()
    _, answers, _ = run({"a.txt": "She met Mr. Lee at the clinic.", "b.txt": SPANISH}, tagger=tagger, language=setting)
    assert [answer["receipt"]["language"] for answer in answers] == expected
    is_spanish = ["Le", "escribimos", "el", "núm.", "5", "."] in tagger.sentences
    assert is_spanish == (expected[1] == "es")


def test_a_document_with_the_same_text_has_the_same_language(run):
    _, answers, _ = run({"a.txt": SPANISH, "b.txt": SPANISH})
    assert [answer["receipt"]["language"] for answer in answers] == ["es", "es"]


def test_answers_are_exported_by_the_rules_of_their_language(run, tmp_path):
    run({"a.txt": SPANISH})
    convert_answers([tmp_path / "tagged"], tmp_path / "day.conll", to="conll")
    words = [line.split("\t")[0] for line in (tmp_path / "day.conll").read_text(encoding="utf-8").splitlines()]
    assert "núm." in words


def test_an_answer_has_offsets_mentions_and_a_receipt(run, tmp_path):
    text = "we met Rosa Delgado's\nson. She left."
    manifest, (answer,), rejected = run({"a/b.txt": text}, clock=count().__next__)

    assert [(e["start"], e["end"], e["label"], e["mention"]) for e in answer["entities"]] == [
        (7, 19, "per", "Rosa Delgado"),
        (27, 30, "per", "She"),
    ]
    assert [e["score"] for e in answer["entities"]] == [0.8333, 0.8]
    assert (answer["document"], answer["file"], answer["text"]) == ("a/b.txt", "a/b.txt", text)
    assert answer["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert datetime.fromisoformat(answer["receipt"].pop("tagged_at")).tzinfo is not None
    assert answer["receipt"] == {
        "n_characters": 36,
        "n_sentences": 2,
        "n_words": 10,
        "n_pieces": 14,
        "n_windows": 2,
        "n_unknown": 0,
        "n_characters_extracted": 30,
        "n_characters_tagged": 30,
        "dropped": {},
        "review": {},
        "format": "text",
        "encoding": "utf-8",
        "encoding_guessed": False,
        "items": {"text": {"read": 1}},
        "read_share": 1.0,
        "unread": [],
        "ignored": {},
        "notes": [],
        "language": "en",
        "model_version": "rule-1",
        "config": "c1",
        "rules": EnrichmentRules().version,
    }
    assert rejected == []
    assert schema.stamp(manifest) == json.loads((tmp_path / "tagged/manifest.json").read_text())
    assert manifest == {
        "n_files": 1,
        "files_sha256": hashlib.sha256(b"/a/b.txt").hexdigest(),
        "n_documents": 1,
        "n_tagged": 1,
        "n_rejected": 0,
        "n_reused": 0,
        "n_partly_read": 0,
        "rejected": {},
        "ignored": {},
        "items": {"text": {"read": 1}},
        "n_words": 10,
        "n_words_new": 10,
        "n_words_repeated": 0,
        "repeated_share": 0.0,
        "n_entities": 2,
        "entities": {"per": 2},
        "dropped": {},
        "review": {},
        "assertions": {},
        "personal_data": {},
        "words_per_s": 1.4,
        "model_version": "rule-1",
        "config": "c1",
        "rules": EnrichmentRules().version,
        "elapsed_s": 7.0,
        "model_s": 1.0,
        "formats": {},
    }


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1), max_size=5))
def test_every_mention_is_what_its_offsets_cut_from_the_text(run, texts):
    jsonl = "\n".join(json.dumps({"id": index, "text": text}) for index, text in enumerate(texts))
    manifest, answers, rejected = run({"a.jsonl": jsonl})

    assert manifest["n_documents"] == len(answers) + len(rejected) == max(len(texts), 1)
    for answer in answers:
        assert answer["text"] == texts[int(answer["document"].partition("#")[2])]
        assert all(answer["text"][e["start"] : e["end"]] == e["mention"] for e in answer["entities"])


def test_answers_are_in_the_order_of_the_documents_and_bad_ones_stand_apart(run):
    files = {f"{n}.txt": f"Number {n}." for n in range(30)} | {"empty.txt": "", "x.exe": "MZ\x90\0\x03"}
    files |= {"many.jsonl": '{"id": "a", "text": "One."}\n{bad\n{"id": "b", "text": "Two."}', "last.txt": "Last."}
    manifest, answers, rejected = run(files)

    assert [a["document"] for a in answers] == [
        *(f"{n}.txt" for n in range(30)),
        "many.jsonl#a",
        "many.jsonl#b",
        "last.txt",
    ]
    assert [(r["document"], r["reason"]) for r in rejected] == [
        ("empty.txt", "empty"),
        ("x.exe", "unknown-format"),
        ("many.jsonl#line-2", "bad-line"),
    ]
    assert manifest["rejected"] == {"bad-line": 1, "empty": 1, "unknown-format": 1}
    assert (manifest["n_documents"], manifest["n_tagged"], manifest["n_rejected"]) == (36, 33, 3)


def test_small_documents_share_a_batch_and_large_ones_are_cut_into_many(run, monkeypatch):
    monkeypatch.setattr(batcher, "BATCH_WORDS", 100)
    tagger = RuleTagger()
    sentence = "Nine small words stand in sentence number {}. "
    large = "".join(sentence.format(n) for n in range(50, 250))
    _, answers, _ = run({f"{n}.txt": sentence.format(n) for n in range(50)} | {"large.txt": large}, tagger)

    assert max(tagger.n_words_of_calls) < 110
    assert sum(tagger.n_words_of_calls) == 250 * 9
    assert len(tagger.n_words_of_calls) <= 1 + (250 * 9) // 99
    assert [a["receipt"]["n_words"] for a in answers] == [9] * 50 + [1800]


@pytest.mark.parametrize("batch_words", [1, 7, 20, 10_000])
def test_a_document_that_breaks_the_tagger_is_rejected_and_hurts_no_other(run, monkeypatch, batch_words):
    monkeypatch.setattr(batcher, "BATCH_WORDS", batch_words)
    files = {f"{n}.txt": f"Document {n} is good. It has Two sentences." for n in range(20)}
    _, undisturbed, _ = run(files)
    bad = {"7.txt": "Begins well. Then comes poison here. Ends well.", "13.txt": "poison", "19.txt": "Late. poison."}
    manifest, answers, rejected = run(files | bad)

    for answer in (*answers, *undisturbed):
        del answer["receipt"]["tagged_at"]  # a second may have begun between the two
    assert answers == [answer for answer in undisturbed if answer["document"] not in bad]
    assert [(r["document"], r["reason"]) for r in rejected] == [(name, "tagging-failed") for name in bad]
    # without the words of the error, which may quote the document
    assert re.fullmatch(r"found ValueError at rules\.py, line \d+, expected tags", rejected[0]["message"])
    assert manifest["n_documents"] == 20


@pytest.mark.parametrize("error", [MemoryError(), KeyboardInterrupt(), ArtifactBroken("found no model")])
def test_what_is_not_a_document_s_fault_ends_the_run_and_leaves_nothing(run, tmp_path, error):
    class Failing(RuleTagger):
        def tag(self, sentences):
            raise error

    with pytest.raises(type(error)):
        run({"a.txt": "One.", "b.txt": "Two."}, Failing())
    assert not (tmp_path / "tagged").exists()


def test_the_next_batch_is_cut_while_the_model_is_at_work_and_no_further(run, monkeypatch):
    monkeypatch.setattr(batcher, "BATCH_WORDS", 3)
    cut, cut_when_called = [], []

    class Watching(RuleTagger):
        def tag(self, sentences):
            time.sleep(0.05)  # for the other thread to come as far as it may
            cut_when_called.append(len(cut))
            return super().tag(sentences)

    def counted(text, language):
        for sentence in iter_sentences(text, language):
            cut.append(sentence)
            yield sentence

    iter_sentences = batcher.iter_sentences
    monkeypatch.setattr(batcher, "iter_sentences", counted)
    _, answers, _ = run({f"{n}.txt": f"Document {n}." for n in range(6)}, Watching())
    assert len(answers) == 6
    assert cut_when_called == [2, 3, 4, 5, 6, 6]


def test_a_receipt_counts_the_pieces_that_the_model_does_not_know(run):
    _, (answer,), _ = run({"a.txt": "An unknown word. And an unknown one."})
    assert answer["receipt"]["n_unknown"] == 2


def jsonl(*texts):
    return "\n".join(json.dumps({"id": number, "text": text}) for number, text in enumerate(texts))


def reasons(rejected):
    return [(one["document"], one["reason"]) for one in rejected]


def test_a_file_of_more_words_than_one_may_have_is_tagged_as_far_as_it_fits(run):
    files = {"a.jsonl": jsonl("One two.", "A much longer text.", "Three."), "b.txt": "Four five six."}
    _, answers, rejected = run(files, limits={"max_words": 5})
    assert [answer["text"] for answer in answers] == ["One two.", "Three.", "Four five six."]
    assert reasons(rejected) == [("a.jsonl#1", "too-many-words")]
    assert rejected[0]["message"] == "found more than 5 words in the file, expected at most that many"


def test_a_text_that_is_tagged_already_costs_its_file_no_words(run):
    _, answers, rejected = run({"a.jsonl": jsonl(*["One two three."] * 5)}, limits={"max_words": 5})
    assert (len(answers), rejected) == (5, [])


def test_a_file_that_takes_more_time_than_one_may_is_tagged_as_far_as_it_comes(run, monkeypatch):
    monkeypatch.setattr(batcher, "BATCH_WORDS", 100)
    long = "Rosa left. " * 1_000
    files = {"a.jsonl": jsonl("One.", long, "Two."), "b.jsonl": jsonl(long)}
    seconds = count(step=0.1)
    _, answers, rejected = run(files, limits={"file_seconds": 5.0}, clock=lambda: next(seconds))
    assert [answer["document"] for answer in answers] == ["a.jsonl#0"]
    assert reasons(rejected) == [("a.jsonl#1", "too-slow"), ("a.jsonl#2", "too-slow"), ("b.jsonl#0", "too-slow")]
    seconds = count(step=0.001)
    _, answers, rejected = run(files, limits={"file_seconds": 5.0}, clock=lambda: next(seconds))
    assert (len(answers), rejected) == (4, [])


def test_a_text_that_was_too_slow_in_one_file_has_its_time_in_the_next(run):
    class SlowAtFirst(RuleTagger):
        now_s = 0.0

        def tag(self, sentences):
            if not self.n_words_of_calls:
                self.now_s = 10.0
            return super().tag(sentences)

    tagger, long = SlowAtFirst(), "Rosa left. " * 50_000
    files = {"a.txt": long, "b.txt": long}
    _, answers, rejected = run(files, tagger, limits={"file_seconds": 5.0}, clock=lambda: tagger.now_s)
    assert [answer["document"] for answer in answers] == ["b.txt"]
    assert reasons(rejected) == [("a.txt", "too-slow")]


def test_a_document_of_more_entities_than_one_may_have_is_rejected_with_its_copies(run):
    many, few = "Rosa left. " * 4, "Rosa left. " * 3
    _, answers, rejected = run({"a.txt": many, "b.txt": few, "c.txt": many}, limits={"max_entities": 3})
    assert [answer["document"] for answer in answers] == ["b.txt"]
    assert reasons(rejected) == [("a.txt", "too-many-entities"), ("c.txt", "too-many-entities")]


@pytest.mark.parametrize("unit", ["@", "a ", "a", "Rosa left. ", "a\n", "a-"])
def test_memory_grows_with_a_text_by_little_more_than_itself(tmp_path, unit):
    def tag(n_characters):
        path = tmp_path / "a.txt"
        path.write_text(unit * (n_characters // len(unit)))
        tag_documents([("a.txt", path)], tagger=_Cheap(), output=tmp_path / "out", config=TagConfig())

    tag(100)  # loads what tagging needs
    assert peak_mib(lambda: tag(2**20)) < 60  # of 1 MiB; it was 100 to 300


def test_a_tagger_that_forgets_a_word_ends_the_run(run):
    class Forgetful(RuleTagger):
        def _tag(self, words):
            answer = super()._tag(words)
            return Answer(answer.tags[1:], answer.entities, answer.n_pieces, 1)

    with pytest.raises(GateNotPassed, match="found 2 tags, expected 3, for a sentence of 'a.txt'"):
        run({"a.txt": "One word."}, Forgetful())


def test_a_receipt_that_does_not_add_up_ends_the_run(run, monkeypatch):
    whole = batcher.iter_sentences
    monkeypatch.setattr(batcher, "iter_sentences", lambda *given: list(whole(*given))[:-1])
    with pytest.raises(GateNotPassed, match="found 8 characters in tagged words, expected 12 as extracted, in 'a.txt'"):
        run({"a.txt": "One word. Two."})


def test_an_empty_inbox_is_in_order_and_says_so(run, capsys):
    manifest, answers, rejected = run({})
    check_yield(manifest)
    assert (manifest["n_documents"], answers, rejected) == (0, [], [])
    assert "nothing to tag" in capsys.readouterr().out


def test_documents_that_yield_nothing_are_written_and_then_refused(run):
    manifest, _, rejected = run({"a.txt": "", "b.pdf": b"junk"})
    assert len(rejected) == 2
    with pytest.raises(GateNotPassed, match=r"found 2 rejected documents \(broken 1, empty 1\)"):
        check_yield(manifest)


@pytest.mark.runbook("nightly-tagging", "a published document is *partly read*")
def test_what_was_not_read_of_a_document_is_in_its_receipt_and_counted(run):
    mail = b"From: a@x.org\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nHello.\n"
    manifest, (answer,), _ = run({"a.eml": mail})
    assert answer["receipt"]["unread"] == ["damage: a multipart without its closing delimiter"]
    assert manifest["n_partly_read"] == 1


def test_what_is_no_document_is_ignored_by_a_rule_and_counted_apart(run, tmp_path):
    manifest, answers, rejected = run(
        {"a.txt": "Hello.", "Thumbs.db": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)}
    )
    assert (len(answers), rejected) == (1, [])
    assert (manifest["n_documents"], manifest["ignored"]) == (1, {"windows-metadata": 1})
    (ignored,) = lines(tmp_path / "tagged" / "ignored.jsonl")
    assert ignored == {"file": "Thumbs.db", "document": "Thumbs.db", "rule": "windows-metadata", "n": 1}


def test_an_entity_says_where_it_stands_also_in_a_second_document_of_the_same_text(run):
    pages = [
        Document(name, "0", "Rosa left.", sources=map_, n_extracted=9) for name, map_ in (("a", at(1)), ("b", at(7)))
    ]
    _, (first, second), _ = run(
        {"a": "", "b": ""},
        read=lambda files, limits: [(0, pages[0]), (0, None), (1, pages[1]), (1, None)] if list(files) else [],
    )
    assert first["entities"][0] | {"page": 1, "boxes": [[10.0, 20.0, 30.0, 32.0]]} == first["entities"][0]
    assert second["entities"][0] | {"page": 7, "boxes": [[10.0, 20.0, 30.0, 32.0]]} == second["entities"][0]


def at(page):
    found = SourceMap()
    found.add_run(0, page)
    found.add_box(0, 4, (10.0, 20.0, 30.0, 32.0))
    return found


def test_items_that_do_not_add_up_end_the_run(run):
    wrong = Document("a", "0", "Hello.", items=Items({"page": {"unread": 1}}), n_extracted=6)
    with pytest.raises(GateNotPassed, match="found items by kind and by name that differ"):
        run({"a": ""}, read=lambda files, limits: [(0, wrong), (0, None)] if list(files) else [])


@pytest.mark.parametrize("name", ["../../etc/x.txt", "a\nb.txt", "x" * 4_000 + ".txt", "\udcff.txt"])
def test_a_hostile_name_comes_back_as_it_went_in(run, tmp_path, name):
    _, (answer,), _ = run({name: "Zoë."})
    assert answer["document"] == name
    assert not (tmp_path / "etc").exists()


def test_a_second_run_replaces_the_answers_of_the_first_and_says_the_same(run, tmp_path):
    runs = [run({"a.txt": "Rosa Delgado left."}, clock=lambda: 0.0) for _ in range(2)]
    for _, (answer,), _ in runs:
        del answer["receipt"]["tagged_at"]
    assert runs[0] == runs[1]
    assert sorted(path.name for path in (tmp_path / "tagged").iterdir()) == [
        "documents.jsonl",
        "ignored.jsonl",
        "ledger.sqlite",
        "manifest.json",
        "rejected.jsonl",
    ]


@pytest.mark.parametrize("n_words", [1, 1_000, 60_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_document_of_any_length_is_read_whole_batch_by_batch(run, n_words):
    tagger = RuleTagger()
    _, (answer,), _ = run({"a.txt": "Short one here. " * (n_words // 4) + "word " * (n_words % 4)}, tagger)
    assert answer["receipt"]["n_words"] == n_words
    assert answer["receipt"]["read_share"] == 1.0
    assert max(tagger.n_words_of_calls) < batcher.BATCH_WORDS + 10


def test_memory_does_not_grow_with_the_number_of_documents(tmp_path, monkeypatch):
    monkeypatch.setattr(batcher, "BATCH_WORDS", 400)
    path = tmp_path / "document.txt"
    path.write_text("Rosa Delgado went to the clinic on Monday. She left.")

    def peak_bytes(n_documents: int) -> int:
        documents = ((f"{n}.txt", path) for n in range(n_documents))
        tracemalloc.start()
        tag_documents(documents, tagger=_Cheap(), output=tmp_path / "out", config=TagConfig())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak_bytes(20)  # imports
    assert peak_bytes(2_000) < 1.2 * peak_bytes(200)


class _Cheap(RuleTagger):
    def tag(self, sentences):
        return [self._tag(words) for words in sentences]


@pytest.mark.slow
def test_a_real_model_answers_the_bundled_inbox_whole(frozen, tmp_path):
    from ner_tasks.inference.tagger import Tagger

    inbox = Path(__file__).parents[3] / "sample" / "inbox"
    documents = [(path.name, path) for path in sorted(inbox.iterdir())]
    tagger = Tagger.load(frozen, n_threads=2)
    manifest = tag_documents(documents, tagger=tagger, output=tmp_path / "out", config=TagConfig())

    assert (manifest["n_tagged"], manifest["n_rejected"]) == (92, 7)
    assert manifest["model_version"] == "tiny-1"
    for answer in lines(tmp_path / "out/documents.jsonl"):
        assert all(answer["text"][e["start"] : e["end"]] == e["mention"] for e in answer["entities"])
        assert answer["receipt"]["n_windows"] >= answer["receipt"]["n_sentences"]


@pytest.mark.parametrize("module", [shard, batcher])
def test_this_module_needs_no_tensorflow(module):
    source = Path(module.__file__).read_text()
    assert not re.search(r"^(from|import) (tensorflow|numpy|ner_tasks\.inference)", source, re.MULTILINE)
