"""ICD-10-CM as a vocabulary, from the package `simple-icd-10-cm`, which is an extra: descriptions and inclusion terms.

By the conventions of ICD-10-CM, words in parentheses may be absent, and NOS and "unspecified" mean that the term says nothing
more: "pneumonia" is J18.9, "Pneumonia, unspecified organism". An acronym
in brackets is a name as well, if its letters are those that the words before it begin with. If all codes of a name lie on one
path from a category to a code below it, the deepest is meant: "asthma" is J45.909, not its category J45.
"""

import importlib
import re
from collections import defaultdict
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from ner_tasks.enrichment.names import VocabularyRow, normalize_name, split_words
from ner_tasks.errors import ConfigInvalid

SYSTEM, PACKAGE = "ICD-10-CM", "simple-icd-10-cm"
_OPTIONAL = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_UNSPECIFIED = re.compile(r"\bNOS\b|^unspecified |,? unspecified(?: \w+)?$", re.IGNORECASE)
_ACRONYM = re.compile(r"([^\[\]]*)\[([A-Z]{2,10})\]$")
_SMALL_WORDS = frozenset({"and", "by", "due", "for", "in", "of", "or", "the", "to", "with"})


def find_release() -> str:
    """Return the name and version of the package.

    Raises:
        ConfigInvalid: it is not installed.
    """
    try:
        return f"{PACKAGE} {metadata.version(PACKAGE)}"
    except metadata.PackageNotFoundError:
        raise ConfigInvalid(
            f"found no package {PACKAGE}, expected it for {SYSTEM}, in this environment: pip install 'nightly-ner[codes]'"
        ) from None


def read_rows() -> Iterator[VocabularyRow]:
    """Yield the names of all categories and codes; chapters and blocks have none."""
    icd: Any = importlib.import_module(PACKAGE.replace("-", "_"))  # reads 10 MB of XML
    codes = [code for code in icd.get_all_codes() if icd.is_category_or_subcategory(code)]
    terms = {code: _terms_of(icd, code) for code in codes}
    named: dict[str, set[str]] = defaultdict(set)
    for code, names in terms.items():
        for name in names:
            named[normalize_name(name)].add(code)
    meant = {key: _deepest(icd, found) for key, found in named.items()}
    for code, names in terms.items():
        yield VocabularyRow("", icd.get_description(code), code, SYSTEM)
        for name in names:
            key = normalize_name(name)
            if code in meant[key]:
                yield VocabularyRow(key, name, code, SYSTEM)


def expand_term(term: str) -> list[str]:
    """Return the names that a term of ICD-10-CM stands for; the term itself is the first."""
    found = {term: None}
    bare = " ".join(_OPTIONAL.sub(" ", term).split())
    found |= dict.fromkeys([bare, _UNSPECIFIED.sub(" ", bare)])
    if match := _ACRONYM.match(term):
        letters = "".join(word[0] for word in split_words(match[1].lower()) if word not in _SMALL_WORDS)
        if letters == match[2].lower():
            found[match[2]] = None
    return [name for name in found if normalize_name(name)]


def _terms_of(icd: Any, code: str) -> list[str]:
    terms = [icd.get_description(code), *icd.get_inclusion_term(code), *icd.get_includes(code)]
    names = (name for term in terms if not term.endswith(":") for name in expand_term(" ".join(term.split())))
    return list(dict.fromkeys(names))


def _deepest(icd: Any, codes: set[str]) -> set[str]:
    """Return the codes that are above no other one, if the others are all above it; otherwise all of them."""
    if len(codes) == 1:
        return codes
    lowest = [code for code in codes if codes <= {code, *icd.get_ancestors(code)}]
    return set(lowest) or codes
