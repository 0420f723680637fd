"""Turn labelled sentences into prose: words joined as in running text, eight sentences to a paragraph."""

import re
from collections.abc import Iterator, Sequence

PER_PARAGRAPH = 8

_NO_SPACE_BEFORE = re.compile(r" (?=(?:[,.;:?!%)\]}]|n't|'(?:s|re|ve|ll|d|m)|'')(?: |$))")
_NO_SPACE_AFTER = re.compile(r"(?<=[(\[{$]) ")
_QUOTED = re.compile(r'" ([^"]*?) "')
# BC5CDR splits at every punctuation mark: 0 . 5 mg . / kg, i . p ., Parkinson ' s, dose - dependent
_TORN = re.compile(
    r"(?<=\d) \. (?=\d)|(?<=\b[a-z]) \. (?=[a-z] \.)|(?<= \.) (?=/)| ' (?=s )|(?<=\w) [-/] (?=\w)|(?<=\+) / (?=-)"
)


def prose(words: Sequence[str]) -> str:
    """Join the words of a sentence as in running text."""
    text = _TORN.sub(lambda torn: torn.group().replace(" ", ""), " ".join(words))
    text = _QUOTED.sub(r'"\1"', text)
    return _NO_SPACE_AFTER.sub("", _NO_SPACE_BEFORE.sub("", text))


def paragraphs(sentences: Sequence[str]) -> Iterator[list[str]]:
    """Yield groups of `PER_PARAGRAPH` sentences; drops an incomplete last group."""
    for first in range(0, len(sentences) - PER_PARAGRAPH + 1, PER_PARAGRAPH):
        yield list(sentences[first : first + PER_PARAGRAPH])
