"""Every step runs from the shell, tells its result as JSON, and its exit code tells the truth."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from ner_tasks.benchmarking import comparison, history
from ner_tasks.cli import app, models
from ner_tasks.data import corpus
from tests import answers, benchmark_figures, tiny
from tests.published import manifest_of

VERBS = [
    "tune",
    "write-part",
    "canary",
    "compare-models",
    "right-size",
    "search",
    "soft-labels",
    "dataset",
    "download",
    "train",
    "evaluate",
    "freeze",
    "quantize",
    "compare-quantized",
    "time-inference",
    "tag",
    "diff-predictions",
    "drift",
    "sample",
    "review",
    "decide",
    "convert",
    "load-postgres",
    "unload-postgres",
    "benchmark",
    "models",
    "promote",
    "rollback",
    "card",
    "prune",
    "check-store",
    "migrate",
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "labelled.csv"
    corpus.write_kaggle_csv(path, tiny.sentences(300, seed=8))
    return path


def run(*args: object, report: Path) -> tuple[int, dict]:
    code = app.main([str(arg) for arg in (*args, "--report", report)])
    return code, json.loads(report.read_text())


def test_these_are_all_commands() -> None:
    assert set(app.parser()[1]) == set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        app.main([verb, "--help"])
    assert left.value.code == 0
    assert "--report" in capsys.readouterr().out


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from ner_tasks.cli import app; app.parser(); print([m for m in sys.modules if m in sys.argv])"
    heavy = ["tensorflow", "pandas", "great_expectations", "transformers", "numpy", "boto3"]
    found = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


READERS = {
    "evaluate": ["--model", "{int8}", "--data", "{data}"],
    "freeze": ["--model_path", "{trained}", "--save_model_path", "{out}"],
    "quantize": ["--dataset_file", "{data}", "--model_path", "{frozen}", "--save_model_path", "{out}"],
    "compare-quantized": ["--fp32", "{frozen}", "--int8", "{int8}", "--data", "{data}"],
    "time-inference": ["--model_path", "{int8}", "--dataset_file", "{data}"],
    "tag": ["--model", "{int8}", "--output", "{out}", "{data}"],
    "tune": ["--model_path", "{home}", "--dataset_file", "{data}"],
    "benchmark": ["--model_path", "{frozen}", "{int8}", "--dataset_file", "{data}", "--output", "{out}"],
}


@pytest.mark.slow
@pytest.mark.parametrize("verb", READERS)
def test_no_verb_uses_a_model_of_which_a_byte_was_flipped(
    verb: str, trained: Path, frozen: Path, int8: Path, data: Path, tmp_path: Path
) -> None:
    places = {"data": data, "out": tmp_path / "out", "home": tmp_path}
    for model in (trained, frozen, int8):
        places[model.name] = Path(shutil.copytree(model, tmp_path / model.name))
        path = tmp_path / model.name / ("weights.safetensors" if model is trained else "graph.pb")
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    code, report = run(verb, *(word.format(**places) for word in READERS[verb]), report=tmp_path / "r.json")
    assert (code, report["error"]["type"]) == (76, "ArtifactBroken")
    assert "expected sha256" in report["error"]["message"]
    assert not (tmp_path / "out").exists()


def test_evaluate_reports_f1_per_label(frozen: Path, data: Path, tmp_path: Path) -> None:
    code, report = run("evaluate", "--model", frozen, "--data", data, report=tmp_path / "r.json")
    assert (code, report["ok"], report["error"]) == (0, True, None)
    assert report["result"]["n_sentences"] == 300
    assert set(report["result"]["labels"]) == {"geo", "per"}
    assert report["result"]["overall"]["f1"] > 0.9
    calibration = report["result"]["calibration"]
    assert 0 <= calibration["error"]["entities"] < 0.2
    assert calibration["error"]["words"] < calibration["error_at_temperature_1"]["words"]


def test_infer_prints_the_kits_two_times(
    int8: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--model_path", int8, "--dataset_file", data, "--batch_size", 16, "--n_sentences", 32]
    code, report = run("time-inference", *flags, report=tmp_path / "r.json")
    assert code == 0
    assert 0 < report["result"]["realtime_s"] < report["result"]["batch_s"] * 16
    assert "real time inference time (batch size 1)" in capsys.readouterr().out


def test_an_error_is_one_line_a_code_and_a_report(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, report = run("evaluate", "--model", tmp_path / "none", "--data", data, report=tmp_path / "r.json")
    assert code == 66
    assert report["error"]["type"] == "InputMissing"
    assert report["error"]["retryable"] is False
    assert capsys.readouterr().err.startswith("error: InputMissing: found no model.json in ")


@pytest.mark.runbook("quantization", "ConfigInvalid: found oneDNN off")
def test_int8_with_onednn_off_is_refused(int8: Path, data: Path, tmp_path: Path) -> None:
    flags = ["--model", int8, "--data", data, "--intel", 0]
    code, report = run("evaluate", *flags, report=tmp_path / "r.json")
    assert (code, report["error"]["type"]) == (78, "ConfigInvalid")


def test_wrong_usage_exits_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        app.main(["evaluate"])
    assert left.value.code == 2
    assert "--model" in capsys.readouterr().err


def test_a_bug_is_reported_and_not_swallowed(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(args: object) -> dict:
        raise ZeroDivisionError("seven")

    monkeypatch.setattr(models, "evaluate", broken)
    with pytest.raises(ZeroDivisionError):
        run("evaluate", "--model", tmp_path, "--data", data, report=tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text())["error"]["type"] == "ZeroDivisionError"


def test_a_list_of_inputs_that_is_none_is_refused(frozen: Path, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text('{"name": 1}')
    flags = ["--model", frozen, "--output", tmp_path / "out", "--inputs_file", tmp_path / "list.json"]
    code, report = run("tag", *flags, report=tmp_path / "r.json")
    assert (code, report["error"]["type"]) == (78, "ConfigInvalid")


def test_diff_tells_what_another_model_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, label in (("old", "geo"), ("new", "per")):
        (tmp_path / name).mkdir()
        answers.write(tmp_path / name / "documents.jsonl", [answers.answer("a", "Jackson left.", {"Jackson": label})])
    code, report = run(
        "diff-predictions", "--old", tmp_path / "old", "--new", tmp_path / "new", report=tmp_path / "r.json"
    )
    assert code == 0
    assert report["result"]["relabelled"] == [{"old": "geo", "new": "per", "n": 1}]
    (example,) = report["result"]["examples"]["relabelled"]["geo -> per"]
    assert example["context"] == "Jackson left."
    # where there is a report, the output is somebody's log
    said = capsys.readouterr().out
    assert "from others" in said and "Jackson" not in said
    assert app.main(["diff-predictions", "--old", str(tmp_path / "old"), "--new", str(tmp_path / "new")]) == 0
    assert "+ [Jackson|per] left." in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["tag", "write-part", "diff-predictions", "convert", "sample", "review"])
def test_what_a_library_says_of_an_error_in_a_document_is_told_nobody(verb, tmp_path, capsys, monkeypatch):
    marker = "Zephyrine"  # not in the line that raises, which is told

    def fail(_config: object) -> None:
        raise ValueError(marker)

    top, commands = app.parser()
    model, _ = commands[verb]
    required = {name: "page" for name, field in model.model_fields.items() if field.is_required()}
    required |= {"day": "2026-01-31"} if "day" in required else {}
    (tmp_path / "config.json").write_text(json.dumps({"report": str(tmp_path / "r.json"), **required}))
    monkeypatch.setattr(app, "parser", lambda: (top, {**commands, verb: (model, fail)}))
    assert app.main([verb, "--config", str(tmp_path / "config.json")]) == 1
    error = json.loads((tmp_path / "r.json").read_text())["error"]
    assert (error["type"], error["retryable"]) == ("ValueError", True)
    said = capsys.readouterr()
    assert "in fail" in said.err and "ValueError" in said.err
    assert marker not in said.out + said.err + json.dumps(error)


def test_a_flag_goes_before_the_file_of_flags(tmp_path: Path, data: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"data": "none", "model": "none", "batch_size": 0}))
    given = ["evaluate", "--config", tmp_path / "config.json"]
    code, report = run(*given, report=tmp_path / "r.json")
    assert (code, report["error"]["message"]) == (78, "found --batch_size = 0, expected 1 or more")
    code, report = run(*given, "--batch_size", 1, "--model", tmp_path, report=tmp_path / "r.json")
    assert f"found no model.json in {tmp_path}" in report["error"]["message"]
    (tmp_path / "config.json").write_text(json.dumps({"modell": "none"}))
    code, report = run(*given, "--data", data, "--model", tmp_path, report=tmp_path / "r.json")
    assert report["error"]["message"].startswith("found setting '--modell', expected one of ")


def test_what_is_missing_is_named_once_on_the_plain_standard_error(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ner_tasks", "tag", "--model", "m"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("tag: error: the following arguments are required: --output")
    assert "stderr:" not in done.stderr
    (tmp_path / "config.json").write_text('{"model": "m"}')
    assert run("tag", "--config", tmp_path / "config.json", report=tmp_path / "r.json")[1]["error"] == {
        "type": "ConfigInvalid",
        "message": "found no --output, expected one",
        "retryable": False,
    }


def test_threads_of_the_environment_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NER_THREADS", "many")
    code, report = run("models", "--store", tmp_path, report=tmp_path / "r.json")
    assert (code, report["error"]["message"]) == (78, "found --threads = 'many', expected a whole number")


def test_a_variable_that_is_no_setting_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NER_STROE", "s3://bucket/ner")
    assert app.main(["models", "--store", str(tmp_path)]) == 0
    assert "notice: unknown setting NER_STROE, which has no effect; did you mean NER_STORE?" in capsys.readouterr().err


def test_answers_are_converted_to_each_form(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(manifest_of("2026-01-31", 1)))
    answers.write(tmp_path / "documents.jsonl", [answers.answer("a", "Rosa left.", {"Rosa": "per"})])
    answers.write(tmp_path / "rejected.jsonl", [])
    for form, output, made in (
        ("parquet", "tables", "tables/entities.parquet"),
        ("conll", "day.conll", "day.conll"),
        ("page", "day.html", "day.html"),
    ):
        flags = ["--answers", tmp_path, "--to", form, "--output", tmp_path / output]
        code, report = run("convert", *flags, report=tmp_path / "r.json")
        assert (code, report["result"]["n_documents"]) == (0, 1)
        assert (tmp_path / made).is_file()


@pytest.mark.parametrize("flag", [[], ["--verbose"]])
def test_an_error_is_one_line_of_standard_error(tmp_path: Path, flag: list[str]) -> None:
    command = [sys.executable, "-m", "ner_tasks", "card", "--version", "v", "--store", str(tmp_path), *flag]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode not in (0, 1)
    assert re.fullmatch(r"error: \w+: found .*\n", done.stderr)


@pytest.mark.runbook("retraining", "train: EncoderUnsupported")
@pytest.mark.slow
def test_the_whole_chain_runs_from_the_shell(encoder: Path, data: Path, tmp_path: Path) -> None:
    """From dataset -> train -> freeze -> quantize -> compare -> tag, each in a process of its own."""

    def step(*args: object) -> dict:
        report = tmp_path / f"{args[0]}.json"
        command = [sys.executable, "-m", "ner_tasks", *map(str, args), "--threads", "2", "--report", str(report)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stderr == ""  # no notices of TensorFlow or Intel Neural Compressor
        return json.loads(report.read_text())["result"]

    snapshot, models = tmp_path / "snapshot", tmp_path / "models"
    assert step("dataset", "--dataset_file", data, "--output", snapshot)["n_sentences"] == 300
    flags = ["--encoder", encoder, "--epochs", 3, "--learning_rate", 3e-3]
    step("train", "--dataset_file", snapshot, "--save_model_path", models / "trained", *flags)
    step("freeze", "--model_path", models / "trained", "--save_model_path", models / "frozen")
    flags = ["--dataset_file", snapshot, "--model_path", models / "frozen"]
    assert step("quantize", *flags, "--save_model_path", models / "int8")["n_int8_matmul"] == 9
    flags = ["--data", snapshot / "test.csv", "--rounds", 1]
    found = step("compare-quantized", "--fp32", models / "frozen", "--int8", models / "int8", *flags)
    assert found["f1_loss"] < 0.1
    letter = tmp_path / "letter.txt"
    letter.write_text("Maria Chen visited Boston .")
    assert step("tag", "--model", models / "int8", "--output", tmp_path / "out", letter)["n_tagged"] == 1
    (line,) = (tmp_path / "out" / "documents.jsonl").read_text().splitlines()
    assert [entity["mention"] for entity in json.loads(line)["entities"]] == ["Maria Chen", "Boston"]


BENCHMARK = ["benchmark", "--model_path", "none", "--dataset_file", "none", "--output", "none"]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--batch_sizes", "1,0"], "found --batch_sizes = '1,0', expected text such as '1,32,64,128'"),
        (["--batch_sizes", "many"], "found --batch_sizes = 'many'"),
        (["--rounds", "0"], "found --rounds = 0, expected 1 to 100"),
        (["--n_sentences", "-1"], "found --n_sentences = -1, expected 1 to 1000000"),
        (["--max_slowdown", "2"], "found --max_slowdown = 2.0, expected 0 to 1"),
        (["--precisions", "FP16"], "found precision 'FP16', expected some of stock FP32"),
    ],
)
def test_a_benchmark_that_makes_no_sense_is_refused_before_anything_runs(
    tmp_path: Path, flags: list[str], expected: str
) -> None:
    code, report = run(*BENCHMARK, *flags, report=tmp_path / "r.json")
    assert (code, report["error"]["type"]) == (78, "ConfigInvalid")
    assert expected in report["error"]["message"]


@pytest.mark.parametrize(("most", "code"), [("0.15", 77), ("0.25", 0), ("", 0)])
def test_a_benchmark_slower_than_the_previous_one_fails_if_a_limit_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], most: str, code: int
) -> None:
    before = tmp_path / "before.json"
    before.write_text(json.dumps(benchmark_figures.report(20, stock=100, int8=250)))

    def measured(models: object, data: object, output: Path, *, earlier: list[dict], **options: object) -> dict:
        assert options["precisions"] == ["stock FP32", "INT8"]
        output.mkdir()
        (output / "table.md").write_text("the page")
        now = benchmark_figures.report(21, stock=100, int8=200)
        return {**now, "changes": [asdict(change) for change in history.compare_with_history(now, earlier)]}

    monkeypatch.setattr(comparison, "run_benchmark", measured)
    flags = ["--output", tmp_path / "out", "--previous", before, "--precisions", "stock FP32, INT8"]
    limit = ["--max_slowdown", most] if most else []
    found, report = run(*BENCHMARK, *flags, *limit, report=tmp_path / "r.json")
    assert found == code
    assert "the page" in capsys.readouterr().out
    if code:
        assert "found INT8 at batch size 32 at 2.00x stock FP32" in report["error"]["message"]
        assert f"the benchmark in {tmp_path / 'out'}" in report["error"]["message"]
