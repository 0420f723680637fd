"""Recognize names of people by the words before them; a tagger finds the others."""

import re
from collections.abc import Iterator, Mapping, Sequence

from ner_tasks.enrichment.personal_data.lexicon import PersonalDataLexicon
from ner_tasks.enrichment.personal_data.spans import Evidence, SpanCandidate
from ner_tasks.enrichment.personal_data.words import TextMark, normalize, starts_line

_NAME_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_BETWEEN = re.compile(r"\.?[ \t\u00a0]{1,3}|,[ \t]|\.(?=[A-Z])")
_AFTER_TITLE = re.compile(r"\.?[ \t\u00a0]{0,2}\n?[ \t]{0,2}")
_AFTER_LABEL = re.compile(r"[ \t]{0,3}(?:\(s\))?[ \t]?[:=|][ \t\u00a0*]{0,20}\n?[ \t]{0,8}")
_AFTER_LEAD = re.compile(r"[ \t\u00a0]{1,3}|,?[ \t]{0,3}\n{1,3}[ \t]{0,8}|:[ \t\n]{1,3}")
_LABEL_END = re.compile(r"[ \t]{0,3}(?:\([^()\n]{1,40}\))?[ \t]{0,3}(?:[:=]|_{2})")
_LONGEST = 5  # words of a name
_MOST_TITLES = 8  # before a name; a blank form lists some


class NameRecognizer:
    """Recognizes names after titles, labels and leads."""

    def __init__(self, lexicon: PersonalDataLexicon) -> None:
        self._particles = frozenset(map(normalize, lexicon.particles))
        self._titles = frozenset(map(normalize, lexicon.titles))
        self._not_names = frozenset(map(normalize, lexicon.not_names))
        self._form_words = frozenset(map(normalize, lexicon.form_words)) | self._titles
        self.sets = {"title": lexicon.titles, "name_label": lexicon.name_labels, "name_lead": lexicon.name_leads}

    def find(self, text: str, marks: Mapping[str, Sequence[TextMark]]) -> Iterator[SpanCandidate]:
        """Find names.

        Args:
            text: any text.
            marks: places of the words of `sets` in it.
        """
        for title in marks["title"]:
            if text[title.start].isupper() and (match := _AFTER_TITLE.match(text, title.end)):
                yield from self._read(text, match.end(), "context:title", is_beside="\n" not in match.group())
        for label in marks["name_label"]:
            match = _AFTER_LABEL.match(text, label.end)
            if match and starts_line(text, label.start):
                is_beside = "\n" not in match.group()
                any_case = is_beside and label.text.endswith("name")
                yield from self._read_labelled(text, match.end(), is_beside=is_beside, any_case=any_case)
        for lead in marks["name_lead"]:
            if match := _AFTER_LEAD.match(text, lead.end):
                yield from self._read(text, match.end(), "context:name")

    def _read(self, text: str, start: int, source: str, *, is_beside: bool = True) -> Iterator[SpanCandidate]:
        """Read the name that begins at `start`, or behind titles there."""
        begin = self._skip_titles(text, start)
        end = max(self._find_ends(text, begin, any_case=False), default=begin)
        # on the line behind a title, a blank form has its next label
        is_beside = is_beside and "\n" not in text[start:begin]
        if end > begin and (is_beside or not self._is_blank(text, begin, end)):
            yield SpanCandidate(begin, end, "name", source, Evidence.CONTEXT)

    def _read_labelled(self, text: str, start: int, *, is_beside: bool, any_case: bool) -> Iterator[SpanCandidate]:
        """Read the name behind a label, unless the form is blank and its next label follows."""
        start = self._skip_titles(text, start)
        ends = list(self._find_ends(text, start, any_case=any_case))
        if ends and _LABEL_END.match(text, ends[-1]):
            if not is_beside:
                return
            while ends and normalize(_NAME_WORD.findall(text, start, ends[-1])[-1]) in self._form_words:
                ends.pop()
        if ends and not self._is_blank(text, start, ends[-1]):
            yield SpanCandidate(start, ends[-1], "name", "context:name", Evidence.CONTEXT)

    def _is_blank(self, text: str, start: int, end: int) -> bool:
        """Whether these are but words of a blank form."""
        return self._form_words.issuperset(map(normalize, _NAME_WORD.findall(text, start, end)))

    def _skip_titles(self, text: str, start: int) -> int:
        for _ in range(_MOST_TITLES):
            word = _NAME_WORD.match(text, start)
            if not word or normalize(word.group()) not in self._titles:
                break
            between = _AFTER_TITLE.match(text, word.end())
            start = between.end() if between else word.end()
        return start

    def _find_ends(self, text: str, at: int, *, any_case: bool) -> Iterator[int]:
        """Yield where each word of a name ends: capitalized words and initials, with particles between them."""
        for index in range(_LONGEST):
            match = _NAME_WORD.match(text, at)
            if not match:
                return
            written, word = match.group(), normalize(match.group())
            if (written[0].isupper() or any_case) and word not in self._not_names:
                is_initial = len(word) == 1 and text[match.end() : match.end() + 1] == "."
                yield match.end() + is_initial
            elif word not in self._particles or written.isupper():
                return
            between = _BETWEEN.match(text, match.end())
            sign = between.group()[0] if between else ""
            if not between or (sign == "," and index) or (sign == "." and len(word) > 2):
                return  # a list or a sentence ends
            at = between.end()
