"""Outlook's messages: words in every property that people read, in every form of the body, in files and messages."""

import random
from collections.abc import Mapping

import compressed_rtf

from tests.canaries.words import new_word
from tests.outlook import (
    APPOINTMENT,
    BODY,
    HTML,
    PUBLIC,
    RECIPIENT_TYPE,
    RTF,
    SENDER_ADDRESS,
    SENDER_NAME,
    SMTP,
    STRING8,
    SUBJECT,
    Attached,
    Outlook,
    Value,
    msg_bytes,
)
from tests.outlook import (
    NAME as PERSON,
)

NAME, SUFFIX = "msg", ".msg"
_FIELDS = {
    SUBJECT: "subject",
    SENDER_NAME: "sender",
    0x0042: "author",
    0x0050: "reply-to",
    0x0E04: "display-to",
    0x3A16: "company",
    0x3004: "comment",
}


def make(rng: random.Random) -> tuple[bytes, Mapping[str, str]]:
    canaries: dict[str, str] = {}
    return msg_bytes(_message(rng, canaries, 0)), canaries


def _word(rng: random.Random, canaries: dict[str, str], holder: str) -> str:
    word = new_word(rng)
    canaries[word] = holder
    return word


def _message(rng: random.Random, canaries: dict[str, str], depth: int) -> Outlook:
    properties: dict[int | tuple[int, int], Value] = {0x3FFD: 1252, 0x3FDE: 65001}
    for number, holder in _FIELDS.items():
        if number == SUBJECT or rng.random() < 0.5:
            text = f"{_word(rng, canaries, holder)} Zürich"
            if rng.random() < 0.3:
                properties[number, STRING8] = text.encode("cp1252")
            else:
                properties[number] = text
    if rng.random() < 0.3:
        properties[SENDER_ADDRESS] = f"{_word(rng, canaries, 'address')}@example.org"
    properties |= _bodies(rng, canaries)
    recipients = [
        {
            RECIPIENT_TYPE: rng.randint(0, 3),
            PERSON: _word(rng, canaries, "recipient"),
            SMTP: f"{_word(rng, canaries, 'recipient')}@x.org",
        }
        for _ in range(rng.randint(0, 3))
    ]
    named: list[tuple[bytes, int | str, Value]] = []
    if depth == 0:  # names belong to the whole file
        kinds: list[tuple[bytes, int | str]] = [(APPOINTMENT, 0x8208), (PUBLIC, "Patient")]
        named = [(*kind, _word(rng, canaries, "named field")) for kind in kinds[: rng.randint(0, 2)]]
    return Outlook(properties, recipients, [_attached(rng, canaries, depth) for _ in range(rng.randint(0, 4))], named)


def _bodies(rng: random.Random, canaries: dict[str, str]) -> dict[int | tuple[int, int], Value]:
    shared = _word(rng, canaries, "body")
    found: dict[int | tuple[int, int], Value] = {}

    def text(between: str) -> str:
        own = [_word(rng, canaries, "body")] if rng.random() < 0.5 else []
        return between.join([shared, *own])

    kinds = rng.sample(["plain", "html", "wrapped", "rtf"], rng.randint(1, 3))
    if "plain" in kinds:
        found[BODY] = text(rng.choice([" ", "\r\n\r\n"])) + rng.choice(["", "\r\n"])
    if "html" in kinds:
        found[HTML] = f"<html><body><p>{text('</p><p>')} Zürich</p></body></html>".encode()
    if "wrapped" in kinds:
        inner = text(rng.choice(["{\\*\\htmltag64 </p><p>}", "\\line\r\n", " "]))
        rtf = f"{{\\rtf1\\ansi\\ansicpg1252\\fromhtml1 {{\\fonttbl{{\\f0 Arial;}}}}{{\\*\\htmltag64 <p>}}\\htmlrtf {{\\b\\htmlrtf0 {inner}\\htmlrtf }}\\htmlrtf0 }}"
        found[RTF] = compressed_rtf.compress(rtf.encode(), compressed=rng.random() < 0.8)
    elif "rtf" in kinds:
        found[RTF] = compressed_rtf.compress(f"{{\\rtf1\\ansi {text(chr(92) + 'par ')}\\par}}".encode())
    if not found:
        found[BODY] = shared
    return found


def _attached(rng: random.Random, canaries: dict[str, str], depth: int) -> Attached:
    kind = rng.choice(["text", "text", "large", "message", "picture"])
    if kind == "message" and depth < 2:
        return Attached(rng.choice(["Inner", "Re: bill", ""]), _message(rng, canaries, depth + 1))
    if kind == "picture":
        name = f"scan-{rng.randint(0, 10**9)}.png"
        _word(rng, canaries, name)  # the words that are drawn in it
        return Attached(name, b"\x89PNG\r\n\x1a\n" + bytes(60), "image/png")
    text = f"Bill of {_word(rng, canaries, 'attachment')}\n" * (1 if kind == "text" else 400)
    return Attached(rng.choice(["bill.txt", "Rückzahlung.txt", "note"]), text.encode(), "text/plain")
