"""Write the bundled labelled sample: synthetic sentences in the form of the Kaggle file, a few of them bad on purpose.

    python -m sample.labelled_sentences --output sample/labelled/ner_sample.csv

The labels are those of the Kaggle file and one more, `dis`: a disease, symptom or finding, whether it is present, denied,
past, suspected or a relative's. The words that say which are outside the entity.

The sentences come in stories of a few neighbours that share people and places, as documents do. About one
in a hundred is spoilt (a misspelt tag, an I- without its B-, a broken row, an empty word, two readings of
one text), so that the quarantine has something to show.

The same seed gives the same bytes, on every machine and Python version.
"""

import argparse
import csv
import io
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sample import note_templates, templates, vocabulary
from sample.slots import FILLERS, GAP, SLOTS, capitalized
from sample.vocabulary import words_of

SEED = 24
N_SENTENCES = 2500
OUTPUT = Path(__file__).parent / "labelled" / "ner_sample.csv"

Word = tuple[str, str]
"""A word and its tag."""

# What a story's sentences name again and again.
CAST = ("person", "hospital", "insurer", "company", "city", "country", "nationality", "storm", "disease")


@dataclass(frozen=True)
class Genre:
    """What the sentences of a story are made of.

    Attributes:
        cores: whole sentences but for the full stop.
        openings, closings: what may stand before and after a core.
        lines: lines of forms and headings, with the share of the sentences that are such lines.
        headings: headings alone on a line, in which nothing is an entity, with the share of such lines.
        plain: sentences in which nothing is an entity.
        opened: share of the cores that have an opening.
    """

    cores: Sequence[str]
    openings: Sequence[str]
    closings: Sequence[str]
    plain: Sequence[str]
    opened: float
    lines: Sequence[str] = ()
    line_share: float = 0.0
    headings: Sequence[str] = ()
    heading_share: float = 0.0


CLAIMS = Genre(
    templates.CLAIMS, templates.OPENINGS, templates.CLOSINGS, templates.PLAIN, 0.35, templates.FIELDS, line_share=0.08
)
NEWS = Genre(templates.NEWS, templates.OPENINGS, templates.CLOSINGS, templates.PLAIN, 0.35)
NOTES = Genre(
    note_templates.NOTES, note_templates.OPENINGS, note_templates.CLOSINGS, note_templates.PLAIN, 0.15,
    note_templates.LINES, line_share=0.27, headings=note_templates.HEADINGS, heading_share=0.25,
)  # fmt: skip


def sentences(rng: random.Random, n: int) -> list[list[Word]]:
    """`n` sound sentences, in stories of four to ten."""
    made: list[list[Word]] = []
    while len(made) < n:
        (genre,) = rng.choices((CLAIMS, NEWS, NOTES), (0.43, 0.38, 0.19))
        cast = {slot: SLOTS[slot][1](rng) for slot in CAST}
        made.extend(sentence(rng, genre, cast) for _ in range(rng.randint(4, 10)))
    return made[:n]


def sentence(rng: random.Random, genre: Genre, cast: dict[str, str]) -> list[Word]:
    """One sentence of a story: a core or two, maybe with something before and after, or one without any entity."""
    kind = rng.random()
    if kind < 0.10:
        return filled(rng, rng.choice(genre.plain), cast)
    if kind < 0.10 + genre.line_share:
        return filled(rng, rng.choice(genre.lines), cast)
    if kind < 0.10 + genre.line_share + genre.heading_share:
        return filled(rng, rng.choice(genre.headings), cast)
    text = rng.choice(genre.cores)
    if rng.random() < 0.20:
        text += rng.choice(templates.JOINTS) + rng.choice(genre.cores)
    if rng.random() < genre.opened:
        text = rng.choice(genre.openings) + text
    closing = rng.choice(genre.closings)
    if rng.random() < 0.4 and not (_names_time(text) and _names_time(closing)):
        text += closing
    words = filled(rng, text + ".", cast)
    first, tag = words[0]
    return [(capitalized(first), tag), *words[1:]]


def _names_time(template: str) -> bool:
    return any(SLOTS[gap][0] == "tim" for gap in GAP.findall(template) if gap in SLOTS)


def filled(rng: random.Random, template: str, cast: dict[str, str]) -> list[Word]:
    """Words and tags of a template; a name of the cast comes up in two of five fitting gaps, once a sentence."""
    words: list[Word] = []
    left = dict(cast)
    for index, piece in enumerate(GAP.split(template)):
        if index % 2 == 0:
            words += [(word, "O") for word in words_of(piece)]
        elif piece in FILLERS:
            words += [(word, "O") for word in words_of(FILLERS[piece](rng))]
        else:
            label, make = SLOTS[piece]
            name = left.pop(piece) if piece in left and rng.random() < 0.4 else make(rng)
            words += tagged(name, label)
    return words


def tagged(name: str, label: str) -> list[Word]:
    """Words and tags of an entity; its article is no part of it, and a treatment is no finding."""
    words = words_of(name)
    if name in vocabulary.TREATMENTS:
        return [(word, "O") for word in words]
    article = [(word, "O") for word in words[:1] if word in ("a", "an")]
    return article + [(word, f"{'I' if at else 'B'}-{label}") for at, word in enumerate(words[len(article) :])]


def spoilt(rng: random.Random, made: list[list[Word]]) -> list[list[str]]:
    """The sentences as lines of the file below its header, about one in a hundred of them spoilt.

    Also a dozen honest copies of earlier sentences, which a corpus of news always has.
    """
    texts = list(made)
    for _ in range(12):
        at = rng.randrange(len(texts) // 2, len(texts))
        texts[at] = texts[rng.randrange(len(texts) // 2)]
    n_entities = [sum(tag.startswith("B-") for _, tag in text) for text in texts]
    rich = [at for at, n in enumerate(n_entities) if n >= 2 and texts.count(texts[at]) == 1]
    chosen = iter(rng.sample(rich, 24))
    lines = [_rows(at + 1, text) for at, text in enumerate(texts)]
    for wrong in ("gep", "Org", "pers", "geo-loc", "LOC", "time"):
        _retag(lines, next(chosen), texts, lambda tag, wrong=wrong: tag[:2] + wrong)  # type: ignore[misc]
    for _ in range(6):
        _retag(lines, next(chosen), texts, lambda tag: "I-" + tag[2:])
    cuts: tuple[Callable[[str], str], ...] = (
        lambda row: row.rsplit(",", 1)[0],
        lambda row: row + ",,",
        lambda row: ',"' + row[1:],
    )
    for cut in cuts:
        for _ in range(2):
            at = next(chosen)
            lines[at][-1] = cut(lines[at][-1])
    for _ in range(3):
        at = next(chosen)
        lines[at][1] = _row("", "", "NN", "O")
    for _ in range(2):
        at, beside = next(chosen), rng.randrange(len(texts))
        other = [(word, "O") for word, _ in texts[at]]
        lines[beside] += _rows(len(texts) + 1 + beside, other)
    return lines


def _retag(lines: list[list[str]], at: int, texts: list[list[Word]], change: Callable[[str], str]) -> None:
    """Change the tag of a sentence's last B-."""
    last = max(index for index, (_, tag) in enumerate(texts[at]) if tag.startswith("B-"))
    words = [(word, change(tag) if index == last else tag) for index, (word, tag) in enumerate(texts[at])]
    lines[at] = _rows(at + 1, words)


def _rows(number: int, words: Sequence[Word]) -> list[str]:
    return [
        _row("" if at else f"Sentence: {number}", word, _part_of_speech(word, tag), tag)
        for at, (word, tag) in enumerate(words)
    ]


def _row(*fields: str) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(fields)
    return text.getvalue()


def _part_of_speech(word: str, tag: str) -> str:
    """A rough part of speech, for the column's sake: nothing here reads it."""
    if not any(character.isalnum() for character in word):
        return {'"': "``", "(": "LRB", ")": "RRB"}.get(word, word)
    if word[0].isdigit():
        return "CD"
    if tag != "O":
        return "JJ" if tag.endswith("-gpe") else "NNP"
    fixed = {
        "the": "DT",
        "a": "DT",
        "an": "DT",
        "to": "TO",
        "and": "CC",
        "or": "CC",
        "'s": "POS",
        "was": "VBD",
        "is": "VBZ",
    }
    if word.lower() in fixed:
        return fixed[word.lower()]
    if word.lower() in {"of", "in", "on", "at", "by", "for", "with", "from", "near", "after", "since", "during", "as"}:
        return "IN"
    return "VBN" if word.endswith("ed") else "NNS" if word.endswith("s") else "NN"


def build(seed: int = SEED, n: int = N_SENTENCES) -> bytes:
    """The whole file: cp1252, CRLF, the Kaggle columns."""
    rng = random.Random(seed)
    lines = spoilt(rng, sentences(rng, n))
    text = "\r\n".join(["Sentence #,Word,POS,Tag", *(row for rows in lines for row in rows), ""])
    return text.encode("cp1252")


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the bundled labelled sample.")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--n_sentences", type=int, default=N_SENTENCES)
    options = parser.parse_args()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_bytes(build(options.seed, options.n_sentences))


if __name__ == "__main__":
    main()
