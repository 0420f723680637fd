"""Recognize e-mail addresses, URLs and IP addresses by their form."""

import ipaddress
import re
from collections.abc import Iterator

from ner_tasks.enrichment.personal_data.spans import Evidence, SpanCandidate

_LOCAL_PART = re.compile(r"[\w.!#$%&'*+/=?^{|}~-]{1,64}")
_DOMAIN = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?){1,10}")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,14}$")
_WEB_ADDRESS = re.compile(r"[^\s<>\"`{}|\\^\x00-\x1f]{1,2000}")
_WWW = re.compile(r"[Ww]{3}\.(?<!\w....)[^\W_][\w-]*+\.")
_BARE = re.compile(
    r"\.(?:com|org|net|edu|gov|mil|info|biz|health|io|co\.uk|org\.uk|nhs\.uk)(?![\w@-]|\.[A-Za-z0-9])"
    r"(?:/[^\s<>\"`{}|\\^]*)?",
    re.IGNORECASE,
)
_HOST_BEFORE = re.compile(r"[A-Za-z0-9.-]{1,253}")
_TRAILING = ".,;:!?'\"*_"
_BRACKETS = {")": "(", "]": "["}
_IPV4 = re.compile(r"[0-9](?<!\w.)[0-9]{0,2}(?:\.[0-9]{1,3}){3}(?![\w]|\.[0-9])(?:/[0-9]{1,2}(?!\d))?")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{1,4})?")
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
_VERSION_BEFORE = re.compile(r"(?:\bv|\bver|\bversion|\brelease)\.?\s{0,2}$", re.IGNORECASE)


def find_contacts(text: str) -> Iterator[SpanCandidate]:
    """Find e-mail addresses, URLs and IP addresses."""
    yield from _find_mail(text)
    yield from _find_urls(text)
    yield from _find_network_addresses(text)


def _places_of(text: str, part: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + len(part))


def _find_mail(text: str) -> Iterator[SpanCandidate]:
    for at in _places_of(text, "@"):
        local = _LOCAL_PART.match(text[max(0, at - 64) : at][::-1])
        domain = _DOMAIN.match(text, at + 1)
        if local and domain:
            name = local.group()[::-1].lstrip(".'*/=?|{}~&!")
            if name:
                yield SpanCandidate(at - len(name), domain.end(), "mail", "pattern:mail", Evidence.SHAPE)


def _find_urls(text: str) -> Iterator[SpanCandidate]:
    done = 0
    for at in _places_of(text, "://"):
        scheme = _SCHEME.search(text[max(done, at - 15) : at])
        rest = _WEB_ADDRESS.match(text, at + 3)
        if at >= done and scheme and rest:
            done = _end_of_url(text, at + 3, rest.end())
            if done > at + 3:
                yield SpanCandidate(at - len(scheme.group()), done, "url", "pattern:url", Evidence.SHAPE)
    done = 0
    for match in _WWW.finditer(text):
        if match.start() >= done and (rest := _WEB_ADDRESS.match(text, match.start())):
            done = rest.end()
            end = _end_of_url(text, match.end(), done)
            yield SpanCandidate(match.start(), end, "url", "pattern:url", Evidence.SHAPE)
    yield from _find_bare_domains(text)


def _find_bare_domains(text: str) -> Iterator[SpanCandidate]:
    """Domains without scheme, of the commonest top-level domains only: a full stop without a space is no domain."""
    for match in _BARE.finditer(text):
        at = match.start()
        host = _HOST_BEFORE.match(text[max(0, at - 253) : at][::-1])
        name = host.group()[::-1].lstrip(".-") if host else ""
        begin = at - len(name)
        if name and name[-1].isalnum() and (begin == 0 or text[begin - 1] not in "@/") and not name.isdigit():
            yield SpanCandidate(begin, _end_of_url(text, at + 1, match.end()), "url", "pattern:url", Evidence.CHECKSUM)


def _end_of_url(text: str, start: int, end: int) -> int:
    """Leave out punctuation behind a URL, and a bracket that does not open in it."""
    while end > start:
        last = text[end - 1]
        opening = _BRACKETS.get(last)
        if last in _TRAILING or (opening and text.count(opening, start, end) < text.count(last, start, end)):
            end -= 1
        else:
            break
    return end


def _find_network_addresses(text: str) -> Iterator[SpanCandidate]:
    for match in _IPV4.finditer(text):
        numbers = match.group().partition("/")[0].split(".")
        is_version = _VERSION_BEFORE.search(text[max(0, match.start() - 12) : match.start()])
        if (
            all(int(number) <= 255 for number in numbers)
            and not is_version
            and not _is_inside(text, match.start(), ".+-")
        ):
            yield SpanCandidate(*match.span(), "ip", "pattern:ip", Evidence.CHECKSUM)
    yield from _find_ipv6(text)


def _find_ipv6(text: str) -> Iterator[SpanCandidate]:
    done = 0
    for colon in _places_of(text, ":"):
        start = colon
        while start > max(done, colon - 4) and text[start - 1] in _HEX_DIGITS:
            start -= 1
        match = _HEX.match(text, start) if colon >= done and not _is_inside(text, start, ":") else None
        if match and _is_ipv6(match.group()) and not text[match.end() : match.end() + 1].isalnum():
            done = match.end()
            yield SpanCandidate(start, done, "ip", "pattern:ip", Evidence.CHECKSUM)


def _is_inside(text: str, start: int, joining: str) -> bool:
    """Whether what begins at `start` continues something."""
    return start > 0 and (text[start - 1].isalnum() or text[start - 1] in joining)


def _is_ipv6(text: str) -> bool:
    """Whether it is an address with a digit; `::` and a few letters are code, not an address."""
    if len(text) < 6 or not any(map(str.isdigit, text)):
        return False
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
