"""What was recognised and converted in each file stands in the snapshot, and in what is left of a refused one."""

import json
import random
from pathlib import Path

import pytest

from ner_tasks.data.batches import find_sources
from ner_tasks.data.validation.build_snapshot import build_snapshot
from ner_tasks.data.validation.config import DatasetConfig
from ner_tasks.errors import DataRejected

CONFIG = DatasetConfig(block_sentences=2)


def bilou(folder: Path, n: int, broken: int = 0) -> Path:
    chosen = random.Random(1)
    text = "".join(
        f"w{at}\tO\nAnn{chosen.randrange(9)}\tB-per\nLee\t{'O' if at < broken else 'L-per'}\nRome\tU-geo\n\n"
        for at in range(n)
    )
    path = folder / "letters.conll"
    path.write_text(text)
    return path


def test_the_scheme_of_each_file_stands_in_the_snapshot_and_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = build_snapshot(find_sources([bilou(tmp_path, 120)]), tmp_path / "out", CONFIG)

    read = manifest["read"]["letters/letters.conll"]
    assert (read["scheme"], read["offsets"]) == ("BILOU", None)
    assert read["conversions"] == [{"what": "scheme BILOU, converted to BIO", "n": 120, "unit": "sentences"}]
    assert manifest["labels"] == ["geo", "per"]
    assert "letters.conll: scheme BILOU, converted to BIO: 120 sentences\n" in capsys.readouterr().out


def test_sentences_that_do_not_fit_the_scheme_are_in_quarantine_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(DataRejected, match="quarantined: 30 broken-row"):
        build_snapshot(find_sources([bilou(tmp_path, 120, broken=30)]), tmp_path / "out", CONFIG)
    refused = tmp_path / "out.refused"
    read = json.loads((refused / "validation.json").read_text())["read"]

    assert read["letters/letters.conll"]["scheme"] == "BILOU"
    assert [one["n"] for one in read["letters/letters.conll"]["conversions"]] == [90, 30]
    assert "found O behind B-per, expected a tag that ends per as in BILOU" in (refused / "quarantined.csv").read_text()
