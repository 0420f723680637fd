"""Detection of the tag scheme of a file, and conversion of its tags to BIO.

    IOB1     I- for every word of an entity; B- only for the first word of one right behind another of its label
    IO       I- for every word, or a bare label: neighbours of one label cannot be told apart
    IOE1/2   as IOB1 and BIO, with E- at the end instead of B- at the beginning
    BIOES    B- I- E-, and S- for an entity of one word; BILOU, BMES and BMEWO are the same with other letters
    BIOS     BIO with S- for one word;  BIEO: BIO with E- for the last of several words

Tags with only B- and I- are BIO if at least one entity starts with B- where IOB1 would have I-; otherwise they are IOB1,
which without any B- equals IO. With other letters the scheme that most sentences with entities fit is used. In BIO an I-
without an entity to continue is kept for the data gate to quarantine. In other schemes a sentence that does not fit is
marked as broken here.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from sys import intern
from typing import NamedTuple

from ner_tasks.data.readers.conversions import Conversions
from ner_tasks.data.readers.rows import BROKEN_ROW, LabelledRow
from ner_tasks.data.readers.tag_spelling import BEGIN, END, INSIDE, OUT, SINGLE, Spelling, Tag, detect_spelling
from ner_tasks.labels import OUTSIDE

BIO, IOB1, IO = "BIO", "IOB1", "IO"
_IOB1_OR_IO = "IOB1 (or IO: no B- in the file)"
# The Kaggle columns are BIO; another scheme is assumed only with at least this many entities.
_MIN_KAGGLE_ENTITIES = 10
# Placeholder in a problem for the tag as in the file.
_TAG_PLACEHOLDER = "\0"
_FOUR_LETTERS = {"ES": "BIOES", "LU": "BILOU", "MES": "BMES", "MEW": "BMEWO", "EW": "BIEWO"}


class _Converted(NamedTuple):
    """BIO tags of a sentence; index and problem of the first word that does not fit the scheme."""

    tags: list[str]
    broken: int | None = None
    problem: str = ""


class _Scheme(NamedTuple):
    name: str
    convert: Callable[[Sequence[Tag]], _Converted]


def convert_to_bio(
    rows: list[LabelledRow], conversions: Conversions, *, is_kaggle: bool = False
) -> Iterable[LabelledRow]:
    """Convert the tags of a file to BIO; a sentence that does not fit the scheme of the file gets a problem.

    Args:
        rows: all rows of the file, with tags as in the file.
        conversions: filled with the scheme and what was converted.
        is_kaggle: whether the file has the Kaggle columns, which are BIO unless there is strong evidence against it.
    """
    spelling = detect_spelling(Counter(row.tag for row in rows if not row.problem), is_strict=is_kaggle)
    scheme = _detect_scheme(rows, spelling, n_needed=_MIN_KAGGLE_ENTITIES if is_kaggle else 1)
    if scheme is None:
        return rows
    conversions.scheme = scheme.name
    if scheme.name == BIO and not spelling.unusual:
        if not is_kaggle:
            _note_orphans(rows, spelling, conversions)
        return rows
    return _convert_rows(rows, spelling, scheme, conversions)


def _convert_rows(
    rows: Iterable[LabelledRow], spelling: Spelling, scheme: _Scheme, conversions: Conversions
) -> Iterator[LabelledRow]:
    n_fitting = n_broken = 0
    for _, group in groupby(rows, key=lambda row: row.sentence):
        sentence = list(group)
        tags = _parse_tags(sentence, spelling)
        bio_tags, broken, problem = scheme.convert([tag or OUT for tag in tags])
        is_whole = None not in tags
        n_fitting += is_whole and broken is None
        n_broken += is_whole and broken is not None
        for at, (row, tag, bio) in enumerate(zip(sentence, tags, bio_tags, strict=True)):
            if is_whole and at == broken:
                yield row._replace(problem=problem.replace(_TAG_PLACEHOLDER, row.tag or "no tag"), reason=BROKEN_ROW)
            else:
                yield row._replace(tag=intern(bio)) if tag else row
    how = [f"scheme {scheme.name}, converted to BIO"] if scheme.name != BIO else ["scheme BIO"]
    conversions.add(", ".join([*how, *spelling.unusual]), "sentences", n_fitting)
    conversions.add(f"tags that are not {scheme.name}, set aside", "sentences", n_broken)


def _parse_tags(sentence: Iterable[LabelledRow], spelling: Spelling) -> list[Tag | None]:
    return [None if row.problem else spelling.tags.get(row.tag) for row in sentence]


def _detect_scheme(rows: Sequence[LabelledRow], spelling: Spelling, *, n_needed: int) -> _Scheme | None:
    """Detect the scheme of a file; None if it has no entities."""
    letters = "".join(sorted({tag.letter for tag in spelling.tags.values() if tag.label}))
    if not letters:
        return None
    if not spelling.has_letters:
        return _Scheme(IO, _from_iob)
    if set(letters) <= {"B", "I"}:
        n_entities = 0
        for tags in _whole_sentences(rows, spelling):
            for before, tag in zip([OUT, *tags], tags, strict=False):
                n_entities += tag.label not in ("", before.label)
                if tag.letter == BEGIN and before.label != tag.label:
                    return _Scheme(BIO, _keep_bio)
        if n_entities < n_needed:
            return _Scheme(BIO, _keep_bio)
        return _Scheme(IOB1 if BEGIN in letters else _IOB1_OR_IO, _from_iob)
    return _best_fit(rows, spelling, letters)


def _best_fit(rows: Sequence[LabelledRow], spelling: Spelling, letters: str) -> _Scheme:
    """Return the scheme that most sentences with entities fit; if none fits, the most general one, for its messages."""
    name = _name_scheme(letters)
    has_end, has_single = (bool(set(letters) & set(role)) for role in (END, SINGLE))
    candidates = [_Scheme(BIO, _check_bio)]
    if has_end:
        candidates += [_Scheme("IOE1", _from_ioe1), _Scheme("IOE2", _from_ioe2)]
        candidates += [_Scheme("BIEO", _make_converter("BIEO", has_end=True, has_single=False))]
    if has_single:
        candidates += [_Scheme("BIOS", _make_converter("BIOS", has_end=False, has_single=True))]
    candidates += [_Scheme(name, _make_converter(name, has_end=True, has_single=True))]
    fits = [0] * len(candidates)
    n_with_entities = n_other = 0
    for tags in _whole_sentences(rows, spelling):
        if any(tag.label for tag in tags):
            n_with_entities += 1
            n_other += any(tag.letter not in "BIO" for tag in tags)
            for at, candidate in enumerate(candidates):
                fits[at] += candidate.convert(tags).broken is None
    if not any(fits):
        return candidates[-1] if 2 * n_other > n_with_entities else _Scheme(BIO, _keep_bio)
    best = max(reversed(range(len(candidates))), key=fits.__getitem__)
    return candidates[best] if best else _Scheme(BIO, _keep_bio)


def _name_scheme(letters: str) -> str:
    """Return the name of a scheme with begin, inside, end and single letters, such as BILOU; for a mixture all letters."""
    own = "".join(letter for letter in "MELSUW" if letter in letters)
    named = [name for key, name in _FOUR_LETTERS.items() if set(own) <= set(key)]
    return named[0] if named else "B" + "".join(letter for letter in "IMELSUW" if letter in letters) + OUTSIDE


def _whole_sentences(rows: Sequence[LabelledRow], spelling: Spelling) -> Iterator[list[Tag]]:
    """Yield the tags of the sentences in which every tag can be parsed."""
    for _, group in groupby(rows, key=lambda row: row.sentence):
        sentence = _parse_tags(group, spelling)
        tags = [tag for tag in sentence if tag]
        if len(tags) == len(sentence):
            yield tags


def _note_orphans(rows: Sequence[LabelledRow], spelling: Spelling, conversions: Conversions) -> None:
    """Record BIO sentences with entities that start with I-, a sign of a file mixed with IOB1."""
    n = sum(_check_bio(tags).broken is not None for tags in _whole_sentences(rows, spelling))
    conversions.add("scheme BIO with entities that begin with I- (a mixture with IOB1?), set aside", "sentences", n)


def _bio_tag(is_first: bool, label: str) -> str:
    return f"{'B' if is_first else 'I'}-{label}"


def _format_tag(tag: Tag) -> str:
    return f"{tag.letter}-{tag.label}" if tag.label else OUTSIDE


def _keep_bio(tags: Sequence[Tag]) -> _Converted:
    """Normalize the spelling of BIO tags; the data gate checks for I- without an entity to continue."""
    return _Converted([_format_tag(tag) for tag in tags])


def _check_bio(tags: Sequence[Tag]) -> _Converted:
    """As `_keep_bio`, but report the first tag that is not valid BIO."""
    formatted = [_format_tag(tag) for tag in tags]
    for at, (before, tag) in enumerate(zip([OUT, *tags], tags, strict=False)):
        if tag.letter not in "BIO" or (tag.letter == "I" and before.label != tag.label):
            return _Converted(formatted, at)
    return _Converted(formatted)


def _from_iob(tags: Sequence[Tag]) -> _Converted:
    """Convert IOB1 and IO: an entity starts after another label or at B-."""
    pairs = zip([OUT, *tags], tags, strict=False)
    return _Converted(
        [
            _bio_tag(tag.letter == BEGIN or tag.label != before.label, tag.label) if tag.label else OUTSIDE
            for before, tag in pairs
        ]
    )


def _from_ioe(tags: Sequence[Tag], name: str) -> _Converted:
    """Convert IOE1 and IOE2: E- ends an entity, in IOE1 only if another entity of the same label follows directly."""
    bio = []
    for at, tag in enumerate(tags):
        before = tags[at - 1] if at else OUT
        after = tags[at + 1] if at + 1 < len(tags) else OUT
        bio.append(_bio_tag(tag.label != before.label or before.letter == "E", tag.label) if tag.label else OUTSIDE)
        is_last = bool(tag.label) and after.label != tag.label
        if tag.letter not in "IEO" or (is_last and (tag.letter == "E") is (name == "IOE1")):
            rest = [OUTSIDE] * (len(tags) - at - 1)
            return _Converted(bio + rest, at, f"found {_TAG_PLACEHOLDER} at the end of an entity, expected {name}")
    return _Converted(bio)


def _from_ioe1(tags: Sequence[Tag]) -> _Converted:
    return _from_ioe(tags, "IOE1")


def _from_ioe2(tags: Sequence[Tag]) -> _Converted:
    return _from_ioe(tags, "IOE2")


def _make_converter(name: str, *, has_end: bool, has_single: bool) -> Callable[[Sequence[Tag]], _Converted]:
    """Return a converter from BIOES or a related scheme to BIO.

    Args:
        name: name of the scheme, for messages.
        has_end: whether an entity of several words must end with E- or L-.
        has_single: whether an entity of one word must have S-, U- or W-.
    """

    def convert(tags: Sequence[Tag]) -> _Converted:
        bio = [_bio_tag(tag.letter in BEGIN + SINGLE, tag.label) if tag.label else OUTSIDE for tag in tags]
        letter_of: dict[str, str] = {}
        length = 0
        for at, (before, tag) in enumerate(zip([OUT, *tags, OUT], [*tags, OUT], strict=False)):
            role = next((role for role in (INSIDE, END, SINGLE) if tag.letter in role), "")
            goes_on = role in (INSIDE, END) and role != ""
            if length and not goes_on and (has_end if length > 1 else has_single):
                wanted = f"a tag that ends {before.label}"
                here = min(at, len(tags) - 1)
                what = _TAG_PLACEHOLDER if at < len(tags) else "the sentence's end"
                return _Converted(
                    bio, here, f"found {what} behind {_format_tag(before)}, expected {wanted} as in {name}"
                )
            if goes_on and not (length and before.label == tag.label):
                where = f"behind {_format_tag(before)}" if at else "at the sentence's start"
                return _Converted(
                    bio, at, f"found {_TAG_PLACEHOLDER} {where}, expected B-{tag.label} before it as in {name}"
                )
            if role and letter_of.setdefault(role, tag.letter) != tag.letter:
                return _Converted(
                    bio, at, f"found {_TAG_PLACEHOLDER} beside {letter_of[role]}-, expected one scheme, {name}"
                )
            if (role == END and not has_end) or (role == SINGLE and not has_single):
                return _Converted(bio, at, f"found {_TAG_PLACEHOLDER}, expected a tag of {name}")
            if goes_on and role == INSIDE:
                length += 1
            else:
                length = 1 if tag.letter == BEGIN else 0
        return _Converted(bio)

    return convert
