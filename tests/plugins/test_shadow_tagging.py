"""Another model beside a published night: the report before a promotion, and the queue that people read."""

import json

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from ner_airflow.operators.shadow_tagging import ExportReviewOperator, ReportImpactOperator
from ner_tasks.registry.registry import Registry
from tests.answers import answer, without_text
from tests.published import cut, publish_parts

DAY = "2026-11-22"
CHECKED = {"version": "v2", "metrics": {"f1": 0.9}, "gate": ["found"]}
TEXT = "She met Jackson in Tampa ."


@pytest.fixture
def registry(store, model, monkeypatch):
    """A store with the version `v2`; the verbs that need no model are real."""
    monkeypatch.setenv("NER_FAKE_REAL", json.dumps(["sample", "diff-predictions", "review"]))
    registry = Registry(store)
    for kind in ("trained", "int8"):
        registry.put("v2", kind, model(kind))
    registry.register("v2", {"snapshot": "s1"})
    return registry


def folder_of(tmp_path, name, lines):
    folder = tmp_path / "made" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "documents.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


@pytest.fixture
def night(store, tmp_path):
    """Publishes a day of ten documents, each with a person too few; `columns` are those of its tables."""

    def publish(*, keep_text=True, columns=None):
        lines = [answer(f"{n}.txt", TEXT, {"Tampa": "geo"}, score=0.6, file=f"{n}.txt") for n in range(10)]
        folder = folder_of(tmp_path, "night", lines if keep_text else [without_text(line) for line in lines])
        said = {"model_version": "v1", "night": "n", "n_tagged": 10, **({"columns": columns} if columns else {})}
        (folder / "manifest.json").write_text(json.dumps(said))
        store.publish(folder, f"tagged/{DAY}")
        for n in range(10):
            (tmp_path / "document").write_text(TEXT)
            store.put_file(tmp_path / "document", f"inbox/{DAY}/{n}.txt")

    return publish


def challenger_answers(fake, tmp_path, n=10, *, keep_text=True):
    lines = [answer(f"{i}.txt", TEXT, {"Jackson": "per", "Tampa": "geo"}, file=f"{i}.txt") for i in range(n)]
    for line in lines:
        line["receipt"]["model_version"] = "v2"
    folder = folder_of(tmp_path, "challenger", lines if keep_text else [without_text(line) for line in lines])
    fake.set("tag", copies={"output": str(folder)}, result={})


def impact(max_words="50000"):
    return ReportImpactOperator(task_id="impact", checked=CHECKED, config={"max_words": max_words}).execute({})


def test_what_a_model_changes_is_reported_before_it_is_promoted(registry, store, night, fake, tmp_path, capsys, caplog):
    night()
    challenger_answers(fake, tmp_path)
    given = impact()
    assert {name: given[name] for name in CHECKED} == CHECKED
    assert given["impact"]["key"] == "reports/impact/v2.json"
    assert "10 added, 0 removed" in given["impact"]["summary"]
    # what Airflow keeps in its database quotes no document; the report does
    assert "Jackson" not in given["impact"]["summary"]
    assert "[Jackson]" in store.read_json("reports/impact/v2.json")["summary"]
    assert "Jackson" not in capsys.readouterr().out + caplog.text
    said = store.read_json("reports/impact/v2.json")
    assert (said["version"], said["day"], said["sampled"]["n_documents"]) == ("v2", DAY, 10)
    assert said["difference"]["labels"]["per"]["added"] == 10
    assert fake.verbs == ["sample", "tag", "diff-predictions"]


def test_only_a_sample_is_tagged_again_by_the_int8_model(registry, night, fake, tmp_path, monkeypatch):
    night(columns={"text_column": "body", "id_column": "key"})
    challenger_answers(fake, tmp_path)
    listed = []
    monkeypatch.setattr(
        "ner_airflow.operators.shadow_tagging.read_records",
        lambda path, _shape: listed.extend(json.loads(line) for line in path.open()) or listed,
    )
    impact(max_words="20")
    tagged = next(call for call in fake.calls if call["verb"] == "tag")["flags"]
    assert len(listed) == 3  # of six words each
    assert tagged["model"][0].endswith("models/v2/int8")
    assert (tagged["text_column"], tagged["id_column"]) == (["body"], ["key"])


@pytest.mark.runbook("quantization", "impact reports no published night yet, or that no file is")
def test_without_a_night_the_report_says_so_and_the_promotion_goes_on(registry, store, fake):
    store.write_json("tagged/2026-11-21/manifest.json", {"model_version": "v1", "n_tagged": 0})
    assert "no published night yet" in impact()["impact"]["summary"]
    assert store.read_json("reports/impact/v2.json")["day"] is None
    assert fake.verbs == []


@pytest.mark.runbook("quantization", "impact reports no published night yet, or that no file is")
def test_where_the_inbox_has_been_cleared_the_report_says_so_too(registry, store, night, fake):
    night()
    store.remove(f"inbox/{DAY}")
    assert f"inbox/{DAY}/: nothing to compare with" in impact()["impact"]["summary"]
    assert fake.verbs == ["sample"]


def test_a_model_that_answers_nothing_is_said_and_not_hidden(registry, night, fake, tmp_path):
    night()
    challenger_answers(fake, tmp_path, n=0)
    error = {"type": "GateNotPassed", "message": "found 10 rejected", "retryable": False}
    fake.set("tag", copies={"output": str(tmp_path / "made" / "challenger")}, error=error)
    assert "Documents not compared: 10 (only old)" in impact()["impact"]["summary"]


def test_scans_are_read_by_both_models_alike(registry, night, fake, tmp_path, monkeypatch):
    night()
    monkeypatch.setenv("NER_OCR", "1")
    monkeypatch.setenv("NER_OCR_LANGUAGES", "eng+spa")
    challenger_answers(fake, tmp_path)
    impact()
    flags = next(call for call in fake.calls if call["verb"] == "tag")["flags"]
    assert [flags[name] for name in ("ocr", "ocr_languages", "min_ocr_confidence")] == [["1"], ["eng+spa"], ["50.0"]]


def test_where_texts_are_not_kept_the_report_has_none(registry, store, night, fake, tmp_path, monkeypatch):
    night()  # from before the setting was changed
    monkeypatch.setenv("NER_KEEP_TEXT", "0")
    challenger_answers(fake, tmp_path, keep_text=False)
    given = impact()
    assert next(call for call in fake.calls if call["verb"] == "tag")["flags"]["keep_text"] == ["0"]
    assert "Jackson" not in json.dumps([given, store.read_json("reports/impact/v2.json")])


def export(day="", other="", n_most="200"):
    return ExportReviewOperator(
        task_id="export", config={"day": day, "other": other, "n_most": n_most, "max_score": 0.8}
    ).execute({})


@pytest.mark.runbook("review", "it is skipped: no published answers")
@pytest.mark.runbook("review", "InputMissing: found none of the files in")
def test_the_last_night_s_doubts_are_written_for_both_tools(registry, store, night, fake):
    night()
    assert export() == {"day": DAY, "n_sentences": 1, "key": f"reports/review/{DAY}"}
    (task,) = json.loads(store.fetch(f"reports/review/{DAY}/label-studio.json").read_text())
    assert task["meta"]["model"] == "v1"
    assert len(store.read_lines(f"reports/review/{DAY}/doccano.jsonl")) == 1
    said = store.read_json(f"reports/review/{DAY}/review.json")
    assert (said["other"], said["found"], said["asked"]) == (None, {"unsure": 10}, {"unsure": 1})


def test_the_page_gets_the_sentences_with_all_labels_of_the_model_and_codes_of_the_vocabulary(
    registry, store, night, fake, tmp_path, monkeypatch
):
    night()
    (tmp_path / "vocabulary.csv").write_text("name,code,system\nTampa,T1,X\nTampa,T2,X\n")
    monkeypatch.setenv("NER_VOCABULARY", str(tmp_path / "vocabulary.csv"))
    figures = {"f1": 0.8}
    details = {"at": "2026-01-01T00:00:00", "snapshot": "s1", "overall": figures}
    store.write_json("models/v1/version.json", {**details, "labels": {"geo": figures, "org": figures}})
    config = {"day": DAY, "other": "", "n_most": "200", "max_score": 0.8, "n_reviewers": 2}
    ExportReviewOperator(task_id="export", config=config).execute({})
    (line,) = store.read_lines(f"reports/review/{DAY}/queue.jsonl")
    assert [one["code"] for one in json.loads(line)["entities"][0]["candidates"]] == ["T1", "T2"]
    said = store.read_json(f"reports/review/{DAY}/review.json")
    assert (said["labels"], said["n_reviewers"]) == (["geo", "org"], 2)
    assert 'value="org"' in "".join(store.read_lines(f"reports/review/{DAY}/label-studio.xml"))


@pytest.mark.runbook("review", "fewer sentences than n_most")
def test_another_model_is_asked_where_it_disagrees(registry, store, night, fake, tmp_path):
    night()
    challenger_answers(fake, tmp_path)
    export(day=DAY, other="v2")
    (task,) = json.loads(store.fetch(f"reports/review/{DAY}/label-studio.json").read_text())
    assert task["meta"]["why"] == "disagreement"
    assert [one["model_version"] for one in task["predictions"]] == ["v1", "v2"]


@pytest.mark.runbook("review", "it is skipped: NER_KEEP_TEXT=0")
@pytest.mark.runbook("review", "it is skipped: no published answers")
def test_without_texts_or_a_night_there_is_nothing_to_review(registry, night, fake, monkeypatch):
    with pytest.raises(AirflowSkipException, match="found no published answers: nothing to review"):
        export()
    with pytest.raises(AirflowSkipException, match="found no published answers of 2026-11-01"):
        export(day="2026-11-01")
    with pytest.raises(AirflowFailException, match="ConfigInvalid: found day"):
        export(day="yesterday")
    monkeypatch.setenv("NER_KEEP_TEXT", "0")
    with pytest.raises(AirflowSkipException, match="NER_KEEP_TEXT=0"):
        export()


@pytest.mark.runbook("review", "InputMissing: found none of the files in")
def test_the_files_of_the_night_are_needed_to_ask_another_model(registry, store, night, fake):
    night()
    store.remove(f"inbox/{DAY}")
    with pytest.raises(AirflowFailException, match=f"InputMissing: found none of the files in inbox/{DAY}"):
        export(other="v2")


def test_the_same_on_a_store_on_s3(fake, s3, model, monkeypatch, tmp_path):
    from ner_tasks.settings import Settings

    monkeypatch.setenv("NER_STORE", f"s3://{s3.bucket}/ner")
    monkeypatch.setenv("NER_FAKE_REAL", json.dumps(["sample", "diff-predictions", "review"]))
    store = Settings.from_env().open_store()
    registry = Registry(store)
    for kind in ("trained", "int8"):
        registry.put("v2", kind, model(kind))
    lines = [answer("../a.txt", TEXT, {"Tampa": "geo"}, score=0.6, file="../a.txt")]
    folder = folder_of(tmp_path, "night", lines)
    (folder / "manifest.json").write_text(json.dumps({"model_version": "v1", "night": "n", "n_tagged": 1}))
    store.publish(folder, f"tagged/{DAY}", marker="manifest.json")
    s3.client.put_object(Bucket=s3.bucket, Key=f"ner/inbox/{DAY}/../a.txt", Body=TEXT.encode())
    fake.set(
        "tag", copies={"output": str(folder_of(tmp_path, "challenger", [{**lines[0], "entities": []}]))}, result={}
    )
    assert "1 removed" in impact()["impact"]["summary"]
    assert export()["n_sentences"] == 1
    assert store.exists(f"reports/review/{DAY}/review.json")


def test_of_a_large_day_only_the_parts_of_the_sample_are_fetched(registry, store, fake, tmp_path):
    lines = [answer(f"{n:02d}.txt", TEXT, {"Tampa": "geo"}, file=f"{n:02d}.txt") for n in range(20)]
    parts = publish_parts(store, tmp_path / "day", DAY, cut(lines, [2] * 9))
    marker = f"tagged/{DAY}/manifest.json"
    store.write_json(marker, {**store.read_json(marker), "n_words": 120})
    for line in lines:
        (tmp_path / "document").write_text(TEXT)
        store.put_file(tmp_path / "document", f"inbox/{DAY}/{line['file']}")
    fake.set("tag", copies={"output": str(folder_of(tmp_path, "challenger", lines))}, result={})
    impact(max_words="20")
    given = fake.calls[0]["flags"]["answers"]
    assert len(given) == 4 and {path.rsplit("store/", 1)[1] for path in given} < set(parts)
    said = store.read_json("reports/impact/v2.json")
    assert (said["n_documents"], said["n_words"], said["sampled"]["n_documents"]) == (20, 120, 3)
    impact(max_words="20")
    assert fake.calls[3]["flags"]["answers"] == given
    impact(max_words="1000")
    assert fake.calls[6]["flags"]["answers"][0].endswith(f"tagged/{DAY}")
    assert store.read_json("reports/impact/v2.json")["sampled"]["n_documents"] == 20
