"""Reading a file never runs code: a model is weights, a graph and JSON, and nothing is unpickled."""

import ast

import pytest

# each of them runs what the file says, or is made for files that do
MODULES = {"pickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "jsonpickle"}
CALLS = {"read_pickle", "to_pickle", "load_model", "unsafe_load", "full_load"}


def unsafe_in(source: str) -> list[str]:
    """What in a Python source could unpickle, or otherwise run what a file says."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            found.append(str(node.module))
        elif isinstance(node, ast.Attribute) and node.attr in CALLS:
            found.append(node.attr)
        elif isinstance(node, ast.keyword) and node.arg in {"allow_pickle", "weights_only", "safe_mode"}:
            is_safe = isinstance(node.value, ast.Constant) and node.value.value is (node.arg != "allow_pickle")
            found += [] if is_safe else [node.arg]
    return found


def test_no_source_of_ours_unpickles_anything(sources, root):
    unsafe = {str(path.relative_to(root)): unsafe_in(path.read_text(encoding="utf-8")) for path in sources}
    assert {path: found for path, found in unsafe.items() if found} == {}


@pytest.mark.parametrize(
    ("source", "n_found"),
    [
        ("import pickle", 1),
        ("from joblib import load", 1),
        ("np.load(path, allow_pickle=True)", 1),
        ("np.load(path, allow_pickle=False)", 0),
        ("torch.load(path, weights_only=True)", 0),
        ("keras.models.load_model(path)", 1),
        ("pd.read_pickle(path)", 1),
        ("json.loads(text)", 0),
    ],
)
def test_the_rule_finds_what_it_is_for_and_no_more(source, n_found):
    assert len(unsafe_in(source)) == n_found


def test_a_model_folder_holds_no_file_of_a_kind_that_runs_code():
    from ner_tasks.model import model_folder

    assert {name for names in model_folder._FILES.values() for name in names} == {
        "weights.safetensors",
        "graph.pb",
        "tokenizer.json",
    }
