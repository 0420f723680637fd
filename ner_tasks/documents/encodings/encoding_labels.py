"""Map declared encoding labels to codecs as browsers do.

A label stands for the larger Windows code page that senders actually use: latin-1 for windows-1252, gb2312 for GB 18030.

Source: https://encoding.spec.whatwg.org/#names-and-labels; https://www.iana.org/assignments/character-sets
"""

import codecs
import re
from functools import cache

ISO2022, UTF7 = "iso2022", "utf-7"
# Codecs by WHATWG's encoding names, where the codec of webencodings is narrower than that of browsers.
_WIDER = {
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "big5": "big5hkscs",
    "iso-2022-jp": ISO2022,
    "iso-2022-kr": ISO2022,
    "hz-gb-2312": "hz",
    "utf-16le": "utf-16",
    "x-user-defined": "",
    "x-mac-cyrillic": "mac_cyrillic",
    "iso-8859-8-i": "iso8859-8",
}
# Labels in mail and old files that WHATWG does not list.
_OTHERS = {
    "utf-7": UTF7,
    "utf7": UTF7,
    "unicode-1-1-utf-7": UTF7,
    "unicode-2-0-utf-7": UTF7,
    "csunicode11utf7": UTF7,
    "x-unicode-2-0-utf-7": UTF7,
    "utf8mb4": "utf-8",
    "utf8mb3": "utf-8",
    "utf-8-mac": "utf-8",
    "utf-8n": "utf-8",
    "unicode": "utf-16",
    "ucs-2": "utf-16",
    "iso-10646-ucs-2": "utf-16",
    "ucs-4": "utf-32",
    "iso-10646-ucs-4": "utf-32",
    "hz": "hz",
    "hz-gb2312": "hz",
    "hzgb2312": "hz",
    "jis": ISO2022,
    "x-jis": ISO2022,
    "jis7": ISO2022,
    "ms50220": ISO2022,
    "cp51932": "euc_jp",
    "eucjp-ms": "euc_jp",
    "cp50220": ISO2022,
    "cp50221": ISO2022,
    "cp50222": ISO2022,
    "cp50225": ISO2022,
    "cp50227": ISO2022,
    "ms932": "cp932",
    "ms936": "gb18030",
    "cp54936": "gb18030",
    "ms949": "cp949",
    "uhc": "cp949",
    "ms950": "cp950",
    "cp20127": "",
    "cp28591": "cp1252",
    "cp28592": "iso8859-2",
    "cp28595": "iso8859-5",
    "cp28605": "iso8859-15",
    "cp20866": "koi8-r",
    "cp21866": "koi8-u",
    "cp65000": UTF7,
    "cp65001": "utf-8",
    "cp1200": "utf-16-le",
    "cp1201": "utf-16-be",
    "cp10000": "mac-roman",
    "cp10006": "mac-greek",
    "cp10007": "mac-cyrillic",
    "cp10029": "mac-latin2",
    "cp10079": "mac-iceland",
    "cp10081": "mac-turkish",
    "mac-ce": "mac-latin2",
    "mac-centraleurope": "mac-latin2",
    "mac-centraleurroman": "mac-latin2",
    "mac-ukrainian": "mac-cyrillic",
    "macroman": "mac-roman",
    "mac": "mac-roman",
    "ansi": "cp1252",
    "windows-ansi": "cp1252",
    "windows": "cp1252",
    "ansi_x3.110": "cp1252",
    "ansi_x3.110-1983": "cp1252",
    "iso-ir-100": "cp1252",
    "latin": "cp1252",
    "latin-9": "iso8859-15",
    "latin9": "iso8859-15",
    "x-gbk": "gb18030",
    "cp874": "cp874",
    "tis620": "cp874",
    "cp1386": "gb18030",
    "x-euc": "euc_jp",
    "x-windows-949": "cp949",
    "x-windows-950": "cp950",
}
# Labels without information, written by programs that do not know the encoding.
_SAY_NOTHING = frozenset(
    {"ascii", "us-ascii", "ansi_x3.4-1968", "iso646-us", "iso-ir-6", "us", "default", "default_charset", "auto", "none"}
    | {"unknown", "x-unknown", "unknown-8bit", "binary", "8bit", "7bit", "utf", "iso-8859", "charset", "x-user-defined"}
)
# Labels of encodings without a codec; detection instead would be wrong.
_UNSUPPORTED = re.compile(r"(?:x-)?(?:euc-tw|cns-?11643|viscii|tcvn|vps|vni|scsu|bocu|utf-ebcdic|iso-ir-165|iscii)")
_EBCDIC = re.compile(r"cp(?:037|1140|1026|273|424|500|875)$")
_JUNK = re.compile(r"[\s\"'<>();,]+")
_BEFORE = re.compile(r"^(?:charset=|cs(?=cp\d|windows|iso)|x-(?=mac|cp|windows|iso|euc|sjis))")
_NUMBERED = re.compile(r"^(?:ibm|ms|dos|windows|cp|codepage)[-_ ]?0*(\d{3,5})$")
# Python's codecs that are not encodings of files.
_NO_FILE = frozenset({"unicode_escape", "raw_unicode_escape", "idna", "punycode", "undefined", "mbcs", "oem", "palmos"})


@cache
def find_codec(label: str) -> str:
    """Return the codec for a declared encoding.

    Args:
        label: declared label, such as `ISO-8859-1` or `x-sjis`.

    Returns:
        Name of a Python codec, or `iso2022`; "" if the label is unknown or carries no information.
    """
    import webencodings

    clean = _JUNK.sub("", label).lower()[:60]
    if clean in _SAY_NOTHING or not clean.isascii():
        return ""
    for name in (clean, _BEFORE.sub("", clean), clean.replace("_", "-")):
        if name in _OTHERS:
            return _OTHERS[name]
        if encoding := webencodings.lookup(name):
            return _WIDER.get(encoding.name, str(encoding.codec_info.name))
    if numbered := _NUMBERED.match(_BEFORE.sub("", clean)):
        name = f"cp{numbered[1]}"
        if encoding := webencodings.lookup(f"windows-{numbered[1]}"):
            return str(encoding.codec_info.name)
        return _OTHERS.get(name) or _find_python_codec(f"cp{int(numbered[1]):03}")
    for name in (clean, _BEFORE.sub("", clean)):
        if codec := _find_python_codec(name):
            return codec
    return ISO2022 if clean.startswith(("iso-2022-", "iso2022")) else ""


def is_unsupported(label: str) -> bool:
    """Whether a label names an encoding without a codec."""
    return bool(_UNSUPPORTED.match(_JUNK.sub("", label).lower()))


def is_ebcdic(codec: str) -> bool:
    """Whether a codec is EBCDIC, which does not contain ASCII."""
    return bool(_EBCDIC.match(codec))


def _find_python_codec(name: str) -> str:
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    is_text = getattr(info, "_is_text_encoding", True)
    if not is_text or info.name.replace("-", "_") in _NO_FILE:
        return ""
    if info.name.startswith("iso2022"):
        return ISO2022
    return {"ascii": "", "iso8859-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030"}.get(info.name, info.name)
