"""What reviewers decide on the page becomes labelled data, with who and when; nothing is lost and nothing is guessed."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from ner_tasks.config.base import inline_schema
from ner_tasks.data.readers.conversions import Conversions
from ner_tasks.data.readers.span_rows import span_rows
from ner_tasks.enrichment.codes import Vocabulary
from ner_tasks.errors import ArtifactBroken, ConfigInvalid, InputMissing
from ner_tasks.review.code_suggestions import CodeSuggestions
from ner_tasks.review.decisions.recording import derive_day, record_decisions
from ner_tasks.review.decisions.verdicts import EntityVerdict, ReviewerDecision
from ner_tasks.store.folder import FolderStore
from ner_tasks.store.s3 import S3Store
from tests.reviews import DAY, TEXT, decide, letters, queue_in, verdicts

BATCH = f"labelled/review-{DAY}-page/decisions.jsonl"
PERSON = {"start": 8, "end": 15, "label": "per"}
LATER, LAST = "2026-02-01T10:00:00+00:00", "2026-02-01T11:00:00+00:00"


@pytest.fixture(params=["folder", "s3"])
def store(request, tmp_path):
    if request.param == "folder":
        return FolderStore(tmp_path / "store")
    s3 = request.getfixturevalue("s3")
    return S3Store(s3.bucket, "ner", cache=tmp_path / "cache")


@pytest.fixture
def one(store, tmp_path):
    """The id of the only sentence of the queue."""
    return queue_in(store, tmp_path / "day", letters("x"))[0]["id"]


def batch_of(store):
    return [json.loads(line) for line in store.read_lines(BATCH)]


def standing_of(store):
    (sentence,) = store.read_json(f"reports/reviewed/{DAY}/standing.json")["sentences"]
    return sentence


def test_what_is_accepted_corrected_rejected_and_added_is_labelled_data_with_who_and_when(store, tmp_path):
    first, second = (one["id"] for one in queue_in(store, tmp_path / "day", letters("x", "y")))
    decide(store, first, [{"verdict": "correct", "entity": 0, **PERSON}, {"verdict": "accept", "entity": 1}])
    added = {"verdict": "add", "start": 0, "end": 3, "label": "per"}
    decide(store, second, [*verdicts("reject", "accept"), added], by="ben", at=LATER)
    lines = {line["document"]: line for line in batch_of(store)}
    assert lines["x.txt"]["label"] == [[8, 15, "per"], [19, 24, "geo"]]
    assert lines["y.txt"]["label"] == [[0, 3, "per"], [19, 24, "geo"]]
    assert [(line["reviewers"], line["decided_at"][:16]) for line in lines.values()] == [
        (["ada"], "2026-02-01T09:00"),
        (["ben"], "2026-02-01T10:00"),
    ]


def test_the_batch_is_read_by_the_reader_of_labelled_data_without_quarantine(store, one):
    decide(store, one, verdicts("reject", "accept"))
    rows = list(span_rows("\n".join(store.read_lines(BATCH)), "decisions.jsonl", Conversions()))
    assert [(row.word, row.tag) for row in rows if row.tag != "O"] == [("Tampa", "B-geo")]
    assert not any(row.problem for row in rows)


def test_a_sentence_without_entities_is_labelled_data_too(store, one):
    decide(store, one, verdicts("reject", "reject"))
    rows = list(span_rows("\n".join(store.read_lines(BATCH)), "decisions.jsonl", Conversions()))
    assert len(rows) == 7 and {row.tag for row in rows} == {"O"} and not any(row.problem for row in rows)


def test_run_twice_it_is_the_same_batch(store, one):
    decide(store, one, verdicts("reject", "accept"), run="r1")
    before = store.read_lines(BATCH)
    decide(store, one, verdicts("reject", "accept"), run="r1")
    decide(store, one, verdicts("reject", "accept"), run="r2", at=LATER)
    assert store.read_lines(BATCH) == before
    assert [file.name for file in store.files(f"reports/reviewed/{DAY}/decisions")] == ["r1.json", "r2.json"]


def test_a_retry_finds_its_decisions_even_if_the_queue_was_exported_again(store, one, tmp_path):
    decide(store, one, verdicts("reject", "accept"), run="r1")
    queue_in(store, tmp_path / "again", letters("other"))
    assert decide(store, one, verdicts("reject", "accept"), run="r1").n_recorded == 1
    assert len(batch_of(store)) == 1


def test_the_last_decision_of_a_reviewer_counts_and_the_first_is_kept(store, one):
    decide(store, one, verdicts("accept", "accept"))
    decide(store, one, verdicts("reject", "accept"), at=LATER)
    assert batch_of(store)[0]["label"] == [[19, 24, "geo"]]
    assert len(list(store.files(f"reports/reviewed/{DAY}/decisions"))) == 2


def test_two_who_decide_otherwise_are_both_kept_and_nothing_is_published_until_it_is_settled(store, one):
    assert decide(store, one, verdicts("accept", "accept")).batch == f"labelled/review-{DAY}-page"
    said = decide(store, one, verdicts("reject", "accept"), by="ben", at=LATER)
    assert said.batch is None and not store.exists(f"labelled/review-{DAY}-page")
    assert said.counts() == {"n_settled": 0, "n_disputed": 1, "n_open": 0}
    ids = {made["by"]: made["id"] for made in standing_of(store)["decisions"]}
    decide(store, one, [], by="cleo", at=LAST, take=ids["ben"], settles=list(ids.values()))
    assert batch_of(store)[0]["label"] == [[19, 24, "geo"]]
    assert (batch_of(store)[0]["decided_by"], batch_of(store)[0]["reviewers"]) == ("cleo", ["ada", "ben", "cleo"])


def test_a_decision_that_nobody_has_settled_disputes_the_sentence_again(store, one):
    decide(store, one, verdicts("accept", "accept"))
    decide(store, one, verdicts("reject", "accept"), by="ben", at=LATER)
    ids = [made["id"] for made in standing_of(store)["decisions"]]
    decide(store, one, verdicts("reject", "reject"), by="cleo", at=LAST, settles=ids)
    assert standing_of(store)["state"] == "settled"
    decide(store, one, verdicts("accept", "reject"), by="dan", at="2026-02-01T12:00:00+00:00")
    assert standing_of(store)["state"] == "disputed" and not store.exists(BATCH)


def test_who_gives_way_ends_the_dispute(store, one):
    decide(store, one, verdicts("accept", "accept"))
    decide(store, one, verdicts("reject", "accept"), by="ben", at=LATER)
    decide(store, one, verdicts("reject", "accept"), at=LAST)
    assert standing_of(store)["state"] == "settled"


def test_where_two_reviewers_are_asked_for_one_is_not_enough(store, tmp_path):
    (one,) = queue_in(store, tmp_path / "day", letters("x"), n_reviewers=2)
    assert decide(store, one["id"], verdicts("reject", "accept")).counts()["n_open"] == 1
    assert not store.exists(BATCH)
    assert decide(store, one["id"], verdicts("reject", "accept"), by="ben").counts()["n_settled"] == 1
    assert batch_of(store)[0]["decided_by"] == "ada"


def test_runs_at_the_same_time_lose_nothing(tmp_path):
    store = FolderStore(tmp_path / "store")
    sentences = [one["id"] for one in queue_in(store, tmp_path / "day", letters(*"abcdefgh"))]

    def work(number):
        return decide(store, sentences[number], verdicts("reject", "accept"), by=f"user{number}", run=f"r{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert {line["decided_by"] for line in batch_of(store)} == {f"user{number}" for number in range(8)}
    assert derive_day(store, DAY)[0]["n_settled"] == 8


def coded(folder):
    (folder / "vocabulary.csv").write_text("name,code,system\nTampa Bay,T1,X\nTampa,T2,X\nTampa,T3,X\n")
    return CodeSuggestions(Vocabulary.open(folder / "vocabulary.csv"))


def test_a_chosen_code_is_part_of_the_decision_and_a_row_for_the_vocabulary_and_no_answer(store, tmp_path):
    (one,) = queue_in(store, tmp_path / "day", letters("x"), codes=coded(tmp_path))
    assert [code["code"] for code in one["entities"][1]["candidates"]] == ["T2", "T3"]
    decide(store, one["id"], verdicts("reject", "accept", code="T3", code_system="X"))
    assert batch_of(store)[0]["meanings"] == [{"assertion": None, "code": "T3", "code_system": "X"}]
    codes = store.fetch(f"reports/reviewed/{DAY}/codes.csv")
    assert codes.read_text() == "name,code,system\nTampa,T3,X\n"
    (tmp_path / "mine.csv").write_text(codes.read_text())
    assert Vocabulary.open(tmp_path / "mine.csv").look_up("Tampa").concept.code == "T3"


def test_a_code_that_nobody_suggested_is_refused(store, tmp_path):
    (one,) = queue_in(store, tmp_path / "day", letters("x"), codes=coded(tmp_path))
    said = decide(store, one["id"], verdicts("reject", "accept", code="T9", code_system="X"))
    assert said.refused == [f"found code 'T9', expected one of T2, T3, in sentence {one['id']}"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            [{"verdict": "correct", "entity": 0, **PERSON, "label": "nope"}],
            "found label 'nope', expected one of geo, per",
        ),
        (
            [{"verdict": "correct", "entity": 0, **PERSON, "end": 99}],
            r"found span [8, 99), expected whole words within [0, 28)",
        ),
        ([{"verdict": "correct", "entity": 0, **PERSON, "end": 12}], "found span [8, 12), expected whole words"),
        ([{"verdict": "correct", "entity": 0, **PERSON, "start": 15}], "found span [15, 15), expected whole words"),
        ([{"verdict": "correct", "entity": 0, **PERSON, "start": 7}], "found span [7, 15), expected whole words"),
        (
            [{"verdict": "accept", "entity": 0}, {"verdict": "accept", "entity": 0}],
            "found verdicts on entities 0, 0, 1",
        ),
        ([], "found verdicts on entities 1, expected one on each of 2"),
        (
            [{"verdict": "accept", "entity": 0}, {"verdict": "accept", "entity": 2}],
            "found verdicts on entities 0, 1, 2",
        ),
        ([{"verdict": "correct", "entity": 0, **PERSON, "end": 24}], "found overlapping spans [8, 24) and [19, 24)"),
    ],
)
@pytest.mark.runbook("decisions", "DataRejected: found span")
def test_what_the_sentence_does_not_allow_is_refused_in_one_line_and_kept(tmp_path, given, message):
    store = FolderStore(tmp_path / "store")
    (one,) = queue_in(store, tmp_path / "day", letters("x"))
    said = decide(store, one["id"], [*given, {"verdict": "accept", "entity": 1}], run="r1")
    assert said.n_recorded == 0 and message in said.refused[0] and said.refused[0].count("\n") == 0
    assert not store.exists(BATCH)
    (kept,) = store.read_json(f"reports/reviewed/{DAY}/decisions/r1.json")["refused"]
    assert kept["decision"]["sentence"] == one["id"]


@pytest.mark.runbook("decisions", "DataRejected: found sentence")
def test_a_sentence_of_another_queue_is_refused_and_the_others_of_the_run_are_recorded(store, one, tmp_path):
    (other,) = queue_in(store, tmp_path / "other", letters("y"), day="2026-01-30")
    given = [
        ReviewerDecision.parse({"sentence": other["id"], "verdicts": verdicts("accept", "accept")}),
        ReviewerDecision.parse({"sentence": one, "verdicts": verdicts("reject", "accept")}),
        ReviewerDecision.parse({"sentence": one, "verdicts": verdicts("accept", "accept")}),
    ]
    said = record_decisions(store, DAY, given, by="ada", at=LATER, run="r1")
    assert said.describe_refused() == (
        f"found sentence {other['id']}, expected one of the queue of {DAY}; it may have been exported again (and 1 more); "
        "the other 1 decisions of the run are recorded"
    )
    assert len(batch_of(store)) == 1


def test_a_disputed_sentence_can_be_settled_after_its_queue_was_exported_again(store, one, tmp_path):
    decide(store, one, verdicts("accept", "accept"))
    decide(store, one, verdicts("reject", "accept"), by="ben", at=LATER)
    queue_in(store, tmp_path / "again", letters("other"))
    ids = [made["id"] for made in standing_of(store)["decisions"]]
    assert decide(store, one, [], by="cleo", at=LAST, take=ids[0], settles=ids).refused == []
    assert len(batch_of(store)) == 1


def test_the_same_sentence_with_other_entities_is_another_question(tmp_path):
    lines = letters("x")
    (before,) = queue_in(FolderStore(tmp_path / "a"), tmp_path / "one", lines)
    lines[0]["entities"].pop()
    (after,) = queue_in(FolderStore(tmp_path / "b"), tmp_path / "two", lines)
    assert before["text"] == after["text"] and before["id"] != after["id"]


def test_a_decision_on_another_sentence_can_not_be_taken(store, tmp_path):
    first, second = (one["id"] for one in queue_in(store, tmp_path / "day", letters("x", "y")))
    decide(store, first, verdicts("accept", "accept"))
    taken = store.read_json(f"reports/reviewed/{DAY}/standing.json")["sentences"][0]["decisions"][0]["id"]
    said = decide(store, second, [], by="ben", take=taken)
    assert said.refused == [f"found decision {taken}, expected one on sentence {second}"]


@pytest.mark.runbook("decisions", "InputMissing: found no queue of")
def test_a_day_without_a_queue_is_one_line_and_nothing_is_written(store):
    with pytest.raises(InputMissing, match=f"found no queue of {DAY}, expected that of ner_review"):
        decide(store, "0" * 12, verdicts("accept"))
    assert not store.exists(f"reports/reviewed/{DAY}")


@pytest.mark.runbook("decisions", "ArtifactBroken: found ... in .../decisions/")
def test_a_damaged_decision_stops_the_derivation_and_the_batch_stays(store, one, tmp_path):
    decide(store, one, verdicts("reject", "accept"), run="r1")
    before = store.read_lines(BATCH)
    (tmp_path / "cut").write_text('{"day": "2026')
    store.put_file(tmp_path / "cut", f"reports/reviewed/{DAY}/decisions/r0.json")
    with pytest.raises(ArtifactBroken, match=r"decisions/r0\.json"):
        decide(store, one, verdicts("accept", "accept"), at=LATER)
    assert store.read_lines(BATCH) == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"verdict": "perhaps", "entity": 0},
        {"verdict": "accept"},
        {"verdict": "add", "entity": 0, **PERSON},
        {"verdict": "correct", "entity": 0},
        {"verdict": "accept", "entity": -1},
        {"verdict": "accept", "entity": 0, "code": "T1"},
        {"verdict": "correct", "entity": 0, **PERSON, "assertion": ["doubtful"]},
        {"verdict": "correct", "entity": 0, **PERSON, "label": "a\nb"},
        {"verdict": "correct", "entity": 0, **PERSON, "start": 10**9},
    ],
)
def test_a_verdict_that_says_nothing_possible_is_no_verdict(wrong):
    with pytest.raises(ConfigInvalid):
        EntityVerdict.parse(wrong)


def test_one_decision_is_no_dispute_to_settle():
    with pytest.raises(ConfigInvalid, match="expected two or more that disagree"):
        ReviewerDecision.parse({"sentence": "0" * 12, "verdicts": [], "settles": ["1" * 12]})


def test_the_schema_of_a_decision_has_no_references():
    assert "$ref" not in json.dumps(inline_schema(ReviewerDecision))


def test_what_the_page_does_not_offer_is_counted(tmp_path):
    store = FolderStore(tmp_path / "store")
    lines = letters("x")
    lines[0]["text"] = "word " * 700 + TEXT
    for entity in lines[0]["entities"]:
        entity |= {"start": entity["start"] + 3500, "end": entity["end"] + 3500}
    assert queue_in(store, tmp_path / "day", lines) == []
    assert store.read_json(f"reports/review/{DAY}/review.json")["n_not_on_page"] == 1
    assert len(store.read_lines(f"reports/review/{DAY}/doccano.jsonl")) == 1


def test_half_a_surrogate_in_text_label_and_name_is_no_obstacle(tmp_path):
    store = FolderStore(tmp_path / "store")
    lines = letters("\ud83d")
    lines[0]["entities"][0]["label"] = "ge\ud83d"
    (one,) = queue_in(store, tmp_path / "day", lines)
    assert decide(store, one["id"], verdicts("reject", "accept")).refused == []
    assert batch_of(store)[0]["label"] == [[19, 24, "geo"]]
