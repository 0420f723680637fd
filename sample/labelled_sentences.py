"""Write the bundled labelled sample: synthetic sentences in the form of the Kaggle file, a few of them bad on purpose.

    python -m sample.labelled_sentences --output sample/labelled/ner_sample.csv

The sentences come in stories of a few neighbours that share people and places, as documents do. About one
in a hundred is spoilt (a misspelt tag, an I- without its B-, a broken row, an empty word, two readings of
one text), so that the quarantine has something to show.

The same seed gives the same bytes, on every machine and Python version.
"""

import argparse
import csv
import io
import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from sample import templates, vocabulary
from sample.vocabulary import words_of

SEED = 24
N_SENTENCES = 2300
OUTPUT = Path(__file__).parent / "labelled" / "ner_sample.csv"

Word = tuple[str, str]
"""A word and its tag."""

GAP = re.compile(r"\{(\w+)\}")

Maker = Callable[[random.Random], str]


def _one_of(*lists: Sequence[str]) -> Maker:
    return lambda rng: rng.choice(rng.choice(lists))


SLOTS: dict[str, tuple[str, Maker]] = {
    "person": ("per", vocabulary.person),
    "titled": ("per", vocabulary.titled_person),
    "first": ("per", _one_of(vocabulary.PERSON_FIRST)),
    "hospital": ("org", vocabulary.hospital),
    "insurer": ("org", vocabulary.insurer),
    "company": ("org", vocabulary.company),
    "agency": ("org", vocabulary.agency),
    "organisation": ("org", vocabulary.organisation),
    "pharmacy": ("org", lambda rng: f"{rng.choice(vocabulary.COMPANY_NAMES)} Pharmacy"),
    "university": ("org", lambda rng: f"University of {rng.choice(vocabulary.US_STATES)}"),
    "place": ("geo", vocabulary.place),
    "city": ("geo", _one_of(vocabulary.CITIES, vocabulary.CITIES, vocabulary.WORLD_CITIES)),
    "state": ("geo", _one_of(vocabulary.US_STATES)),
    "country": ("geo", _one_of(vocabulary.COUNTRIES)),
    "region": ("geo", _one_of(vocabulary.REGIONS)),
    "nationality": ("gpe", vocabulary.nationality),
    "day": ("tim", vocabulary.day),
    "period": ("tim", vocabulary.period),
    "weekday": ("tim", _one_of(vocabulary.WEEKDAYS)),
    "month": ("tim", _one_of(vocabulary.MONTHS)),
    "year": ("tim", lambda rng: str(rng.randint(1980, 2027))),
    "storm": ("nat", lambda rng: f"{rng.choice(vocabulary.STORM_KINDS)} {rng.choice(vocabulary.STORM_NAMES)}"),
    "disease": ("nat", _one_of(vocabulary.DISEASES)),
    "event": ("eve", vocabulary.event),
    "war": ("eve", _one_of(vocabulary.WARS)),
    "holiday": ("eve", _one_of(vocabulary.HOLIDAYS)),
    "tournament": ("eve", _one_of(vocabulary.TOURNAMENTS)),
    "operation": ("eve", lambda rng: f"{rng.choice(vocabulary.EVENT_FIRST)} {rng.choice(vocabulary.EVENT_SECOND)}"),
    "form": ("art", lambda rng: f"{rng.choice(vocabulary.FORM_NAMES)} {rng.choice(vocabulary.FORM_NUMBERS)}"),
    "act": ("art", _one_of(vocabulary.ACTS)),
    "prize": ("art", _one_of(vocabulary.PRIZES)),
    "drug": ("art", _one_of(vocabulary.DRUGS)),
    "site": ("art", _one_of(vocabulary.SITES)),
    "vehicle": ("art", _one_of(vocabulary.VEHICLES)),
    "work": ("art", _one_of(vocabulary.WORKS)),
    "sight": ("art", _one_of(vocabulary.SIGHTS)),
}

FILLERS: dict[str, Maker] = {
    "condition": _one_of(vocabulary.CONDITIONS),
    "service": _one_of(vocabulary.SERVICES),
    "goods": _one_of(vocabulary.GOODS),
    "amount": vocabulary.amount,
    "claim": lambda rng: f"{rng.choice(('HC', 'CL', 'MB'))}-{rng.randint(100000, 999999)}",
    "n": lambda rng: str(rng.choice((2, 3, 5, 10, 12, 14, 20, 30, 45, 60, 90, 180, 250))),
    "percent": lambda rng: f"{rng.randint(1, 30)}.{rng.randint(1, 9)}",
}

# What a story's sentences name again and again.
CAST = ("person", "hospital", "insurer", "company", "city", "country", "nationality", "storm", "disease")


def sentences(rng: random.Random, n: int) -> list[list[Word]]:
    """`n` sound sentences, in stories of four to ten."""
    made: list[list[Word]] = []
    while len(made) < n:
        cores = templates.CLAIMS if rng.random() < 0.55 else templates.NEWS
        cast = {slot: SLOTS[slot][1](rng) for slot in CAST}
        made.extend(sentence(rng, cores, cast) for _ in range(rng.randint(4, 10)))
    return made[:n]


def sentence(rng: random.Random, cores: Sequence[str], cast: dict[str, str]) -> list[Word]:
    """One sentence of a story: a core or two, maybe with something before and after, or one without any entity."""
    kind = rng.random()
    if kind < 0.10:
        return filled(rng, rng.choice(templates.PLAIN), cast)
    if kind < 0.18 and cores is templates.CLAIMS:
        return filled(rng, rng.choice(templates.FIELDS), cast)
    text = rng.choice(cores)
    if rng.random() < 0.20:
        text += rng.choice(templates.JOINTS) + rng.choice(cores)
    if rng.random() < 0.35:
        text = rng.choice(templates.OPENINGS) + text
    closing = rng.choice(templates.CLOSINGS)
    if rng.random() < 0.4 and not (_names_time(text) and _names_time(closing)):
        text += closing
    words = filled(rng, text + ".", cast)
    first, tag = words[0]
    return [(first[0].upper() + first[1:], tag), *words[1:]]


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
            words += [(word, f"{'I' if at else 'B'}-{label}") for at, word in enumerate(words_of(name))]
    return words


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
