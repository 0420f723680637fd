"""Exports answers as CoNLL: a word, a tab and its tag per line, and an empty line after each sentence.

Words and sentences are segmented again by the code that the tagger uses, so that answers need not contain them.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from ner_tasks.errors import ArtifactBroken, ConfigInvalid
from ner_tasks.files import atomic
from ner_tasks.labels import OUTSIDE
from ner_tasks.segmentation import iter_sentences
from ner_tasks.surrogates import escape_surrogates
from ner_tasks.tagging.answers import Answer, AnswerFiles, name_files, read_answers

# Control characters and line separators would end the comment line or be invisible in it.
_ESCAPED = re.compile("[\\\\\x00-\x1f\x7f-\x9f\u2028\u2029]")


def write_conll(documents_jsonl: AnswerFiles, target: Path) -> dict[str, int]:
    """Write all answers to one CoNLL file, each document after a line `# document = <name>`.

    A line with a tab is a word, even if it begins with `#`: control characters in names are escaped.

    Args:
        documents_jsonl: the answers.
        target: file to write, atomically.

    Returns:
        `{"n_documents": ..., "n_words": ...}`.

    Raises:
        ConfigInvalid: the text of an answer was not kept.
        InputMissing: there are no answers.
        ArtifactBroken: a line is not an answer, or an entity does not end with a word.
        StorageFull: no space left on the device; no file is left.
    """
    n_documents = n_words = 0
    with atomic.staged_file(target) as stage, stage.open("w", encoding="utf-8", newline="\n") as file:
        for answer in read_answers(documents_jsonl):
            n_documents += 1
            file.write(f"# document = {_on_one_line(answer.document)}\n")
            for sentence in _tagged_sentences(answer, name_files(documents_jsonl)):
                n_words += len(sentence)
                file.writelines(f"{escape_surrogates(word)}\t{tag}\n" for word, tag in sentence)
                file.write("\n")
    return {"n_documents": n_documents, "n_words": n_words}


def _tagged_sentences(answer: Answer, where: str) -> Iterator[list[tuple[str, str]]]:
    if answer.text is None:
        raise ConfigInvalid(
            f"found answers without text, expected them with it to write CoNLL, in {where}: only hashes were kept"
        )
    waiting = list(reversed(answer.entities))
    for spans in iter_sentences(answer.text, answer.language):
        sentence = []
        for start, end in spans:
            tag = OUTSIDE
            if waiting and start >= waiting[-1]["start"] and end <= waiting[-1]["end"]:
                tag = f"{'B' if start == waiting[-1]['start'] else 'I'}-{waiting[-1]['label']}"
                if end == waiting[-1]["end"]:
                    waiting.pop()
            sentence.append((answer.text[start:end], tag))
        yield sentence
    if waiting:
        bounds = f"[{waiting[-1]['start']}, {waiting[-1]['end']})"
        raise ArtifactBroken(
            f"found an entity at {bounds}, expected it to end with a word, in {answer.document[:200]!r} of {where}"
        )


def _on_one_line(name: str) -> str:
    return escape_surrogates(_ESCAPED.sub(lambda match: match.group().encode("unicode_escape").decode("ascii"), name))
