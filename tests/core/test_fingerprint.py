import pytest

from ner_tasks import fingerprint
from ner_tasks.registry import provenance
from ner_tasks.tagging import planning


@pytest.fixture
def package(tmp_path):
    """Three modules: `training` uses `model` inside a function, nobody uses `rendering`."""
    sources = {
        "training": "def train():\n    from ner_tasks.model import build\n    return build()\n",
        "model": "def build():\n    return 1\n",
        "rendering": "SIZE = 1\n",
    }
    for name, text in sources.items():
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


def test_the_order_of_the_ingredients_does_not_matter_their_values_do():
    assert fingerprint.make_version({"a": 1, "b": 2}) == fingerprint.make_version({"b": 2, "a": 1})
    assert fingerprint.make_version({"a": 1}) != fingerprint.make_version({"a": 2})


def test_a_changed_import_of_an_import_is_another_version(package):
    before = fingerprint.code_version("training", package)
    (package / "model.py").write_text("def build():\n    return 2\n")
    assert fingerprint.code_version("training", package) != before


@pytest.mark.parametrize(
    ("module", "text"),
    [("rendering", "SIZE = 2\n"), ("model", "# why\n\n\ndef build():\n        return 1  # so\n")],
    ids=["a module that is not used", "comments and layout"],
)
def test_what_does_not_change_the_result_does_not_change_the_version(package, module, text):
    before = fingerprint.code_version("training", package)
    (package / f"{module}.py").write_text(text)
    assert fingerprint.code_version("training", package) == before


def test_a_module_that_is_found_by_name_counts_with_all_of_its_room(tmp_path):
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "reading.py").write_text("NAME = f'ner_tasks.documents.{kind}'\n")
    (tmp_path / "documents" / "word.py").write_text("SIZE = 1\n")
    before = fingerprint.code_version("documents.reading", tmp_path)
    (tmp_path / "documents" / "word.py").write_text("SIZE = 2\n")
    assert fingerprint.code_version("documents.reading", tmp_path) != before


def test_a_module_of_a_room_does_not_stand_for_the_whole_room():
    found = fingerprint._digest_with_imports("model.tokenization", fingerprint.PACKAGE)
    assert "model/tokenization.py" in found and "model/token_classifier.py" not in found


def test_training_depends_on_the_model_s_source_and_tagging_on_every_reader():
    assert "model/token_classifier.py" in fingerprint._digest_with_imports("training.loop", fingerprint.PACKAGE)
    assert "documents/readers/office/docx.py" in fingerprint._digest_with_imports("tagging.shard", fingerprint.PACKAGE)


@pytest.mark.parametrize("module", planning.CODE)
def test_an_answer_does_not_depend_on_pages_training_or_commands(module):
    rooms = {name.partition("/")[0] for name in fingerprint._digest_with_imports(module, fingerprint.PACKAGE)}
    assert rooms.isdisjoint({"dashboard", "training", "registry", "review", "cli", "steps"})


def test_a_module_that_is_not_there_has_no_version(package):
    with pytest.raises(ValueError, match="no module nowhere"):
        fingerprint.code_version("nowhere", package)


def test_a_room_that_is_named_by_its_own_name_counts(tmp_path):
    (tmp_path / "documents" / "readers").mkdir(parents=True)
    (tmp_path / "documents" / "reading.py").write_text("READERS = 'ner_tasks.documents.readers.'\n")
    (tmp_path / "documents" / "readers" / "docx.py").write_text("SIZE = 1\n")
    before = fingerprint.code_version("documents.reading", tmp_path)
    (tmp_path / "documents" / "readers" / "docx.py").write_text("SIZE = 2\n")
    assert fingerprint.code_version("documents.reading", tmp_path) != before


@pytest.mark.parametrize(
    "module",
    [
        *planning.CODE,
        planning.PART_CODE,
        *provenance._CODE,
        *(
            "data.validation.build_snapshot",
            "training.loop",
            "model.freezing",
            "quantization.quantize",
            "quantization.accuracy_search",
            "training.search",
        ),
    ],
)
def test_every_module_that_a_version_is_taken_of_is_there(module):
    assert fingerprint.code_version(module)
