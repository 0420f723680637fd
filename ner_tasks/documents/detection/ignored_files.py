"""Rules for files that programs leave beside documents; they are ignored, not rejected.

A rule matches a file's path, and also its content where a document could have the same name.
"""

import re
from collections.abc import Callable
from pathlib import PurePosixPath

from ner_tasks.documents.detection import sniffing

_APPLE = (b"\x00\x05\x16\x07", b"\x00\x05\x16\x00")  # AppleDouble, AppleSingle
_DER_SEQUENCE, _BASE64_DER = 0x30, re.compile(rb"MI[A-Za-z0-9+/]{60}")
# Lock files of Office are 162 or 165 bytes long, those of LibreOffice shorter.
_MAX_LOCK_BYTES = 1_024
_MAX_INI_BYTES = 16_384


def _is_apple(head: bytes) -> bool:
    return head.startswith(_APPLE)


def _is_store(head: bytes) -> bool:
    return head.startswith(b"\x00\x00\x00\x01Bud1") or _is_apple(head)


def _is_ini(head: bytes) -> bool:
    text = head.replace(b"\0", b"").removeprefix(b"\xff\xfe").removeprefix(b"\xef\xbb\xbf")
    return len(head) < _MAX_INI_BYTES and text.lstrip().startswith((b"[", b";"))


def _is_lock(head: bytes) -> bool:
    return len(head) <= _MAX_LOCK_BYTES and not head.startswith((b"PK", sniffing.OLE, b"%PDF", b"{\\rtf"))


def _is_signature(head: bytes) -> bool:
    text = head.lstrip()
    is_armoured = text.startswith((b"-----BEGIN PGP SIGNATURE", b"-----BEGIN PKCS7", b"-----BEGIN CMS"))
    return is_armoured or head[0] == _DER_SEQUENCE or _BASE64_DER.match(text) is not None


def _is_any(_head: bytes) -> bool:
    return True


# Name of the rule, pattern of the path, and test of the first bytes of a file that is not empty.
_RULES: tuple[tuple[str, re.Pattern[str], Callable[[bytes], bool]], ...] = (
    ("macos-metadata", re.compile(r"(?:^|/)(?:__MACOSX|\.AppleDouble)/|(?:^|/)\._[^/]*$"), _is_apple),
    ("macos-metadata", re.compile(r"(?:^|/)\.DS_Store$"), _is_store),
    (
        "macos-metadata",
        re.compile(r"(?:^|/)(?:\.Spotlight-V100|\.fseventsd|\.DocumentRevisions-V100|\.TemporaryItems)/"),
        _is_any,
    ),
    ("macos-metadata", re.compile(r"(?:^|/)(?:Icon\r|\.localized|\.apdisk)$"), lambda head: len(head) < _MAX_INI_BYTES),
    (
        "windows-metadata",
        re.compile(r"(?:^|/)(?:Thumbs|ehthumbs|ehthumbs_vista)\.db(?::encryptable)?$", re.IGNORECASE),
        lambda head: head.startswith((sniffing.OLE, b"CMMM")),
    ),
    ("windows-metadata", re.compile(r"(?:^|/)desktop\.ini$", re.IGNORECASE), _is_ini),
    (
        "windows-metadata",
        re.compile(r"(?:^|/)(?:\$RECYCLE\.BIN/(?:[^/]*/)*\$I[^/]*|System Volume Information/.*)$", re.IGNORECASE),
        _is_any,
    ),
    ("storage-metadata", re.compile(r"(?:^|/)(?:@eaDir|\.@__thumb)/"), _is_any),
    ("version-control", re.compile(r"(?:^|/)\.(?:git|svn|hg)/"), _is_any),
    ("office-lock-file", re.compile(r"(?:^|/)(?:~\$[^/]*|\.~lock\.[^/]*#)$"), _is_lock),
    ("office-temporary-file", re.compile(r"(?:^|/)~(?:WR[LDAF]\d{4}|DF[0-9A-F]{4,})\.tmp$", re.IGNORECASE), _is_any),
    ("signature", re.compile(r"(?:^|/)(?:[^/]*\.p7s|signature\.asc)$", re.IGNORECASE), _is_signature),
    ("empty-marker", re.compile(r"(?:^|/)\.(?:gitkeep|keep|nomedia|placeholder)$"), lambda _head: False),
)


def find_rule(path: str, head: bytes | None = None) -> str:
    """Return the rule that ignores a file; "" if none does.

    Args:
        path: path of the file in the inbox, an archive or a mail.
        head: first bytes of the file; None if it cannot be opened, so that only its path is tested.
    """
    clean = str(PurePosixPath(path.replace("\\", "/")))
    for rule, pattern, is_litter in _RULES:
        if pattern.search(clean) and (not head or is_litter(head)):
            return rule
    return ""
