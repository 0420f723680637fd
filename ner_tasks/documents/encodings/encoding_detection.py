"""Detect the legacy encoding of bytes that declare none: language models of chardet, plus checks on how words look.

chardet is right on whole sentences of any language. In an English letter with a few foreign names its models have
little evidence, so the decoded words must also be plausible: no symbols within words, no capitals after lower-case
letters, no mix of scripts, and only accented letters of a single language.
"""

import re

from ner_tasks.documents.encodings.plausible_words import bad_share, consistency, is_rare, is_typography, odd_share
from ner_tasks.documents.types import CannotRead

# Encodings in practical use; those of mainframes and obsolete systems are left out.
_CANDIDATES = (
    "cp1252",
    "iso8859-15",
    "cp1250",
    "iso8859-2",
    "cp1251",
    "koi8-r",
    "koi8-u",
    "iso8859-5",
    "cp866",
    "cp1253",
    "iso8859-7",
    "cp737",
    "cp1254",
    "cp857",
    "cp1255",
    "iso8859-8",
    "cp862",
    "cp1256",
    "iso8859-6",
    "cp1257",
    "cp1258",
    "cp874",
    "cp932",
    "euc_jis_2004",
    "cp949",
    "gb18030",
    "big5hkscs",
    "mac-roman",
    "mac-cyrillic",
    "mac-latin2",
    "cp437",
    "cp850",
    "cp852",
)
_WORD = re.compile(rb"[^\x00-\x20<>&;\"=]*[\x80-\xff][^\x00-\x20<>&;\"=]*")
_MAX_WORDS = 3_000
_MAX_BAD_SHARE = 0.02
# Required ratio of the best score to that of the next plausible candidate.
_MARGIN, _MARGIN_OF_FEW, _FEW = 1.15, 1.8, 5
# Chinese, Korean and Japanese use the same byte pairs, and chardet cannot separate them on a few names.
_DOUBLE_BYTE, _DOUBLE_BYTE_MARGIN = frozenset({"gb18030", "cp949", "euc_jis_2004", "big5hkscs"}), 8.0
# Code pages of DOS and the Macintosh are rare today.
_PRIORS = {
    **dict.fromkeys(("cp437", "cp850", "cp852", "cp857", "cp862", "cp866", "cp737"), 0.8),
    **dict.fromkeys(("mac-roman", "mac-cyrillic"), 0.6),
    "mac-latin2": 0.4,
}
# Minimum share of the best confidence: a candidate that chardet rejects by its structure may still fit a few words.
_FLOOR = 0.1
_ODD_COST, _MAX_ODD_SHARE, _CONSISTENCY_POWER = 0.85, 0.3, 4
# windows-1252 is by far the most common where English is written: only a much better score beats it.
_WESTERN, _WESTERN_MARGIN = "cp1252", 2.0


def detect(data: bytes) -> str:
    """Return the most plausible encoding of bytes that are not UTF-8.

    Args:
        data: a sample with at least one byte beyond ASCII.

    Raises:
        CannotRead: `unknown-encoding` if no encoding is clearly more plausible than the others.
    """
    words = list(dict.fromkeys(_WORD.findall(data)))[:_MAX_WORDS]
    sample = b" ".join(words)
    confidences = _measure_confidences(data, sample)
    readings = _decode_candidates(sample)
    # Encodings that decode to the same text count as one candidate.
    of_text: dict[str, tuple[float, str]] = {}
    for codec, text in readings.items():
        words_read = text.split(" ")
        score = confidences[codec] * _PRIORS.get(codec, 1.0) * (1 - _ODD_COST * odd_share(words_read))
        score *= consistency(words_read) ** _CONSISTENCY_POWER
        of_text[text] = max(of_text.get(text, (0.0, codec)), (score, codec), key=lambda pair: pair[0])
    return _choose(sorted(of_text.items(), key=lambda item: -item[1][0]), readings.get(_WESTERN))


def _measure_confidences(data: bytes, sample: bytes) -> dict[str, float]:
    """Return chardet's confidence in each candidate, on the whole text times on its words beyond ASCII.

    In a text of another language the whole is decisive; in an English text with a few names it fits any candidate.
    """
    import chardet

    both = []
    for part in (data, sample):
        detections = chardet.detect_all(
            part, ignore_threshold=True, compat_names=False, include_encodings=_CANDIDATES, max_bytes=len(part)
        )
        confidences = {str(answer["encoding"]): answer["confidence"] for answer in detections}
        floor = _FLOOR * max(confidences.values(), default=0.0)
        both.append({codec: max(confidences.get(codec, 0.0), floor) for codec in _CANDIDATES})
    return {codec: both[0][codec] * both[1][codec] for codec in _CANDIDATES}


def _decode_candidates(sample: bytes) -> dict[str, str]:
    """Return the decoded texts that look like words, by encoding."""
    readings = {}
    for codec in _CANDIDATES:
        try:
            text = sample.decode(codec)
        except UnicodeDecodeError:
            continue
        if bad_share(text.split(" ")) <= _MAX_BAD_SHARE:
            readings[codec] = text
    return readings


def _choose(ranked: list[tuple[str, tuple[float, str]]], western: str | None) -> str:
    if not ranked:
        raise CannotRead("unknown-encoding", "found bytes that form no words in any encoding, expected UTF-8")
    text, (best, codec) = ranked[0]
    if western is not None and not is_rare(western) and odd_share(western.split(" ")) <= _MAX_ODD_SHARE:
        if is_typography(western):
            return _WESTERN
        own = next(pair for text, pair in ranked if text == western)
        if own[0] * _WESTERN_MARGIN >= best:
            return _WESTERN
    rivals = [(pair[0] * _required_margin(codec, pair[1], text), pair[1]) for _, pair in ranked[1:]]
    close = [name for score, name in rivals if score >= best]
    if not close:
        return codec
    raise CannotRead("unknown-encoding", f"found text that may be {', '.join([codec, *close[:2]])}, expected UTF-8")


def _required_margin(codec: str, other: str, text: str) -> float:
    if codec in _DOUBLE_BYTE and other in _DOUBLE_BYTE:
        return _DOUBLE_BYTE_MARGIN
    n_beyond = sum(not character.isascii() for character in text)
    return _MARGIN if n_beyond >= _FEW else _MARGIN_OF_FEW
