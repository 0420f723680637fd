import io
import json

import pytest
from rich.console import Console

from launcher import summary
from launcher.chain import Outcome
from ner_tasks.store.folder import FolderStore


@pytest.fixture
def store(tmp_path):
    """What a run leaves behind, in small."""
    store = FolderStore(tmp_path / "store")
    score = {"f1": 0.845, "n_gold": 1200}
    store.write_json(
        "snapshots/s/snapshot.json",
        {
            "n_rows": 33438,
            "n_sentences": 1500,
            "quarantined": {"bad_bio": 3},
            "parts": {
                "train": {"n_sentences": 1200, "n_entities": {"geo": 2500}},
                "dev": {"n_sentences": 18, "n_entities": {"geo": 30, "per": 9}},
                "calibration": {"n_sentences": 64, "n_entities": {"geo": 130}},
                "test": {"n_sentences": 150, "n_entities": {"geo": 300}},
            },
        },
    )
    store.write_json(
        "reports/models/v/compare.json",
        {
            "fp32": {"overall": score, "labels": {"geo": score, "nat": {"f1": 0.0, "n_gold": 0}}},
            "int8": {"overall": {"f1": 0.842}, "labels": {"geo": {"f1": 0.841}}},
            "f1_loss": 0.003,
            "speed": {
                "stock_fp32": 1000.0,
                "onednn_fp32": 1500.0,
                "int8": 3100.0,
                "int8_over_stock": 3.1,
                "int8_over_onednn": 2.07,
                "bucketed_over_padded": 2.4,
            },
        },
    )
    store.write_json(
        "tagged/2026-01-31/manifest.json",
        {
            "day": "2026-01-31",
            "n_documents": 5,
            "n_tagged": 4,
            "n_rejected": 1,
            "n_partly_read": 0,
            "ignored": {},
            "rejected": {"empty": 1},
            "n_words": 80,
            "n_entities": 12,
            "entities": {"geo": 8, "per": 4},
        },
    )
    text = "Maria Chen left Boston for Ohio."
    entities = [
        {"start": 0, "end": 10, "label": "per"},
        {"start": 16, "end": 22, "label": "geo"},
        {"start": 27, "end": 31, "label": "geo"},
    ]
    lines = [json.dumps({"document": f"{n}.txt", "text": text, "entities": entities}) for n in range(5)]
    store.path_of("tagged/2026-01-31/documents.jsonl").write_text("\n".join(lines))
    return store


@pytest.fixture
def shown(store):
    out = io.StringIO()
    summary.show(Console(file=out, width=120), store, Outcome(snapshot="s", version="v", day="2026-01-31"))
    return out.getvalue()


@pytest.mark.parametrize(
    "expected",
    [
        "33,438 rows, 1,500 sentences (train 1,200, dev 18, calibration 64, test 150)",
        "Too small to decide by found 39 entities in dev, expected at least 100: too few to choose epochs",
        "3 sentences (bad_bio: 3)",
        "3.10x over stock FP32 (oneDNN off), 2.07x over FP32 with oneDNN",
        "2.40x over padding every sentence to 128",
        "stock FP32 1,000, oneDNN FP32 1,500, INT8 3,100",
        "4, with 12 entities (geo 8, per 4)",
        "1 (empty: 1)",
        "[Maria Chen|per] left [Boston|geo] for [Ohio|geo].",
        "models/v/int8",
        "`make up` starts Airflow with these results",
    ],
)
def test_the_summary_says(shown, expected):
    assert expected in shown


def test_of_large_parts_nothing_is_said(shown):
    assert "in test, expected" not in shown
    assert "in calibration, expected" not in shown


def test_each_label_has_its_f1_before_and_after(shown):
    row = next(line for line in shown.splitlines() if "geo" in line and "0.8450" in line)
    assert "0.8410" in row
    assert "-0.0040" in row


def test_three_documents_are_shown_as_examples(shown):
    assert shown.count("[Maria Chen|per]") == 3


def test_the_examples_are_of_several_formats_and_have_something_to_show(store):
    names = ["a.txt", "b.txt", "c.txt", "d.pdf", "e.jsonl#1", "f.docx"]
    documents = [{"document": name, "text": "x", "entities": [{}] * (0 if name == "f.docx" else 3)} for name in names]
    store.path_of("tagged/2026-01-31/documents.jsonl").write_text("\n".join(map(json.dumps, documents)))
    assert [document["document"] for document in summary._examples(store, "2026-01-31")] == [
        "a.txt",
        "d.pdf",
        "e.jsonl#1",
    ]
