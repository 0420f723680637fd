"""Document properties that people enter, such as the title: added as lines unless the text repeats them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ner_tasks.documents.readers import default_names
from ner_tasks.documents.types import ExtractBuilder

PLACE, KIND = "properties", "property"
MAX_CHARACTERS = 1_000
_MAX_PROPERTIES, _MAX_WORD = 100, 100
# Characters of the text that are searched for a property.
_MAX_SEARCHED = 10_000_000
_NO_WORD = re.compile(r"\W+")

Property = tuple[str, str]


@dataclass
class Fates:
    """Fates of the properties of one document.

    Attributes:
        lines: lines to add, such as `Title: Claim of Rosa Delgado`.
        n_read: number of properties read in full.
        unread: location, reason and number of properties that are not read in full.
        ignored: number of ignored properties by rule.
    """

    lines: list[str] = field(default_factory=list)
    n_read: int = 0
    unread: list[tuple[str, str, int]] = field(default_factory=list)
    ignored: dict[str, int] = field(default_factory=dict)


def decide_fates(properties: Iterable[Property], text_of_document: str) -> Fates:
    """Decide the fate of each property; blank ones are skipped.

    Args:
        properties: name and text of each property.
        text_of_document: text of the document, in which they are searched.
    """
    fates = Fates()
    filled = [(name, " ".join(text.split())) for name, text in properties]
    filled = [(" ".join(name.split()), text) for name, text in filled if _NO_WORD.sub("", text)]
    known = _normalize(text_of_document[:_MAX_SEARCHED]) if filled else ""
    own = ""
    for number, (name, text) in enumerate(filled[:_MAX_PROPERTIES], start=1):
        words = _normalize(text[:_MAX_SEARCHED])
        if default_names.is_default_text(text):
            _count(fates, "default-name")
        elif words in known or words in own:
            _count(fates, "said-in-the-text")
        else:
            own += words
            _read(fates, f"property {number}", f"{name}: {text}")
    if n_left := len(filled[_MAX_PROPERTIES:]):
        fates.unread.append((f"{n_left} properties", f"more than the {_MAX_PROPERTIES} that are read", n_left))
    return fates


def _read(fates: Fates, where: str, line: str) -> None:
    if len(line) <= MAX_CHARACTERS:
        fates.lines.append(line)
        fates.n_read += 1
        return
    # Cut at a space, unless the last word is long.
    head = line[: MAX_CHARACTERS + 1].rpartition(" ")[0]
    fates.lines.append(head if len(head) > MAX_CHARACTERS - _MAX_WORD else line[:MAX_CHARACTERS])
    fates.unread.append((where, f"only the first {MAX_CHARACTERS} of its {len(line)} characters are read", 1))


def _count(fates: Fates, rule: str) -> None:
    fates.ignored[rule] = fates.ignored.get(rule, 0) + 1


def _normalize(text: str) -> str:
    """Return the words of a text in lower case, separated by single spaces."""
    return f" {_NO_WORD.sub(' ', text.casefold()).strip()} "


def add(builder: ExtractBuilder, properties: Sequence[Property], text: str) -> None:
    """Append the properties that the text does not repeat as its last block, and count each in the inventory.

    Args:
        builder: builder of the document.
        properties: name and text of each property.
        text: text of the document.
    """
    fates = decide_fates(properties, text)
    builder.lines(fates.lines, PLACE)
    builder.inventory.read(KIND, fates.n_read)
    for where, reason, n in fates.unread:
        builder.inventory.unread(KIND, where, reason, n)
    for rule, n in fates.ignored.items():
        builder.inventory.ignored(KIND, rule, n)
