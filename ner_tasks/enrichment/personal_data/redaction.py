"""Copies of a text without its personal data, and the map between their offsets."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, get_args

from ner_tasks.enrichment.personal_data.keyed import hash_value
from ner_tasks.enrichment.personal_data.spans import KINDS, PersonalSpan
from ner_tasks.enrichment.personal_data.surrogate_values import Surrogates
from ner_tasks.errors import ConfigInvalid

RedactionMode = Literal["label", "hash", "surrogate"]
SHORTEST_KEY = 16  # bytes


class Replacement(NamedTuple):
    """What stands for one span.

    Attributes:
        start: first character of the span in the original.
        end: character after the span's last.
        redacted_start: first character of what replaces it in the redacted copy.
        redacted_end: character after its last.
        kind: kind of the span.
    """

    start: int
    end: int
    redacted_start: int
    redacted_end: int
    kind: str


@dataclass(frozen=True)
class Redaction:
    """A redacted copy of a text; it holds nothing of the spans themselves.

    Attributes:
        text: the copy.
        mode: what replaces the spans.
        replacements: in the order of the text.
    """

    text: str
    mode: RedactionMode
    replacements: tuple[Replacement, ...]

    def to_redacted(self, offset: int) -> int:
        """Return where a character of the original is in the copy; inside a span, where its replacement begins.

        Args:
            offset: 0 up to the length of the original.
        """
        index = bisect_right(self._starts, offset) - 1
        if index < 0:
            return offset
        last = self.replacements[index]
        return last.redacted_start if offset < last.end else offset - last.end + last.redacted_end

    def to_original(self, offset: int) -> int:
        """Return where a character of the copy is in the original; inside a replacement, where its span begins.

        Args:
            offset: 0 up to the length of the copy.
        """
        index = bisect_right(self._redacted_starts, offset) - 1
        if index < 0:
            return offset
        last = self.replacements[index]
        return last.start if offset < last.redacted_end else offset - last.redacted_end + last.end

    def span_to_redacted(self, start: int, end: int) -> tuple[int, int]:
        """Return what stands in the copy for `[start, end)` of the original; whole replacements where it cuts spans."""
        if start >= end:
            return self.to_redacted(start), self.to_redacted(start)
        index = bisect_right(self._starts, end - 1) - 1
        if index >= 0 and end <= self.replacements[index].end:
            return self.to_redacted(start), self.replacements[index].redacted_end
        return self.to_redacted(start), self.to_redacted(end)

    @cached_property
    def _starts(self) -> list[int]:
        return [each.start for each in self.replacements]

    @cached_property
    def _redacted_starts(self) -> list[int]:
        return [each.redacted_start for each in self.replacements]


def redact(
    text: str,
    spans: Sequence[PersonalSpan],
    *,
    mode: RedactionMode = "label",
    key: bytes = b"",
    document: str = "",
    surrogates: Surrogates | None = None,
) -> Redaction:
    """Return a copy of a text in which each span is replaced.

    Args:
        text: any text.
        spans: as `PersonalDataRules.find` returns them: in order, not overlapping. Empty ones are left out.
        mode: `label`, such as [NAME]; `hash`, such as [NAME:fhkbdopmac], equal for equal values under one key; or
            `surrogate`, a plausible value of the same kind, the same for one value throughout a document, dates shifted
            by one number of weeks per document. Values for which there is no plausible surrogate get their label.
        key: secret of at least 16 bytes for hashes and surrogates. Who has it can test whether a value was in a text.
        document: name of the document, from which its surrogates are drawn; not used by the other modes.
        surrogates: words for surrogates; None: ours.

    Raises:
        ConfigInvalid: an unknown mode, or a key that is too short.
        ValueError: spans that overlap, are out of order or not in the text.
    """
    if mode not in get_args(RedactionMode):
        raise ConfigInvalid(f"found mode {mode!r}, expected one of {', '.join(get_args(RedactionMode))}, in redaction")
    if mode != "label" and len(key) < SHORTEST_KEY:
        raise ConfigInvalid(
            f"found a key of {len(key)} bytes, expected {SHORTEST_KEY} or more, for mode {mode} of redaction"
        )
    spans = [span for span in spans if span.start != span.end]
    _check_spans(text, spans)
    return _build(text, spans, mode, _make_replacer(text, spans, mode, key, document, surrogates))


Replacer = Callable[[PersonalSpan, str], str]


def _make_replacer(
    text: str,
    spans: Sequence[PersonalSpan],
    mode: RedactionMode,
    key: bytes,
    document: str,
    surrogates: Surrogates | None,
) -> Replacer:
    if mode == "label":
        return lambda span, _: make_label(span.kind)
    if mode == "hash":
        return lambda span, value: f"[{span.kind.upper()}:{hash_value(key, span.kind, value)}]"
    drawn = (surrogates or Surrogates.load()).draw(
        key, document, [(span.kind, text[span.start : span.end]) for span in spans]
    )
    return lambda span, value: drawn.replace(span.kind, value) or make_label(span.kind)


def _build(text: str, spans: Sequence[PersonalSpan], mode: RedactionMode, replace: Replacer) -> Redaction:
    parts: list[str] = []
    replacements: list[Replacement] = []
    at = length = 0
    for span in spans:
        parts.append(text[at : span.start])
        length += span.start - at
        written = replace(span, text[span.start : span.end])
        parts.append(written)
        replacements.append(Replacement(span.start, span.end, length, length + len(written), span.kind))
        length += len(written)
        at = span.end
    parts.append(text[at:])
    return Redaction("".join(parts), mode, tuple(replacements))


def make_label(kind: str) -> str:
    """Return what stands for a span of a kind: `[NAME]`."""
    return f"[{kind.upper()}]"


def _check_spans(text: str, spans: Sequence[PersonalSpan]) -> None:
    at = 0
    for span in spans:
        if not at <= span.start < span.end <= len(text):
            raise ValueError(f"found a span from {span.start} to {span.end}, expected one in {at} to {len(text)}")
        if span.kind not in KINDS:
            raise ValueError(f"found kind {span.kind!r}, expected one of {', '.join(KINDS)}")
        at = span.end
