"""Recognize the language of a document by its function words.

Unclear texts get the default: short ones, lists of names, tables, and languages without function words here.
"""

import re
from collections import Counter

from ner_tasks.errors import ConfigInvalid
from ner_tasks.segmentation.languages import DEFAULT_LANGUAGE, LANGUAGES

AUTO = "auto"
# As sentencex names languages: by ISO 639.
LANGUAGE_PATTERN = r"^(?:auto(?::[a-z]{2,3})?|[a-z]{2,3})(?!\n)$"
_N_CHARACTERS = 4_000
# Another language than the default needs as many function words, and this many times those of the default.
_MIN_WORDS, _MIN_RATIO = 3, 1.5

_WORD = re.compile(r"[^\W\d_]+")
_LANGUAGES_OF: dict[str, tuple[str, ...]] = {
    word: tuple(code for code, rules in LANGUAGES.items() if word in rules.function_words.split())
    for rules_ in LANGUAGES.values()
    for word in rules_.function_words.split()
}


def choose_language(setting: str, text: str) -> str:
    """Return the language of a document.

    Args:
        setting: a code such as `es`; `auto` to detect it, with English for unclear texts; `auto:es` with Spanish instead.
        text: the document; only its first 4,000 characters count.

    Raises:
        ConfigInvalid: `setting` is none of them.
    """
    if not re.match(LANGUAGE_PATTERN, setting):
        raise ConfigInvalid(f"found language {setting!r}, expected a code such as es, auto, or auto:es")
    kind, _, default = setting.partition(":")
    return detect_language(text, default or DEFAULT_LANGUAGE) if kind == AUTO else kind


def detect_language(text: str, default: str) -> str:
    """Return the language whose function words are the most frequent, or `default` if that is unclear."""
    counts = Counter[str]()
    for word in _WORD.findall(text[:_N_CHARACTERS].lower()):
        counts.update(_LANGUAGES_OF.get(word, ()))
    if not counts:
        return default
    (best, n_best), *others = counts.most_common(2)
    is_tied = bool(others) and others[0][1] == n_best
    is_clear = n_best >= _MIN_WORDS and n_best >= _MIN_RATIO * counts[default] and not is_tied
    return best if is_clear else default
