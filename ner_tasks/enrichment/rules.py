"""All rules of a deployment together, with one version."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ner_tasks.enrichment.assertion import AssertionRules
from ner_tasks.enrichment.codes import Vocabulary
from ner_tasks.enrichment.config import EnrichmentConfig, split_labels
from ner_tasks.enrichment.personal_data.redaction import Redaction, RedactionMode, redact
from ner_tasks.enrichment.personal_data.rules import PersonalDataRules
from ner_tasks.enrichment.personal_data.spans import PersonalSpan
from ner_tasks.enrichment.personal_data.surrogate_values import Surrogates
from ner_tasks.enrichment.sections import SectionRules
from ner_tasks.errors import ConfigInvalid, InputMissing
from ner_tasks.files import atomic
from ner_tasks.fingerprint import make_version

_LEXICONS = Path(__file__).parent / "lexicons"


@dataclass(frozen=True)
class Redactor:
    """Finds personal data and makes the redacted copy of a text.

    Attributes:
        rules: what is personal data.
        mode: what replaces it.
        key: secret for hashes and surrogates.
    """

    rules: PersonalDataRules
    mode: RedactionMode
    key: bytes = field(default=b"", repr=False)

    @classmethod
    def load(cls, config: EnrichmentConfig) -> "Redactor | None":
        """Load it; None if personal data is not looked for.

        Raises:
            InputMissing: a file does not exist.
            ConfigInvalid: a file does not hold such words, or there is no key of 16 bytes where one is needed.
        """
        if config.redaction == "off":
            return None
        one = cls(PersonalDataRules.load(config.personal_data_file), config.redaction, _read_key(config))
        redact("", [], mode=one.mode, key=one.key)  # checks the key
        return one

    @property
    def version(self) -> str:
        """Version of the rules, the mode, the words of surrogates and the key, from which the key cannot be told."""
        key = hmac.digest(self.key, b"version of redaction", "sha256").hex() if self.key else ""
        parts = {"rules": self.rules.version, "mode": self.mode, "key": key}
        if self.mode == "surrogate":
            parts["surrogates"] = Surrogates.load().version
        return make_version(parts)

    def redact(self, text: str, spans: Sequence[PersonalSpan], *, text_sha256: str) -> Redaction:
        """Return the redacted copy of a text; equal texts have equal copies."""
        return redact(text, spans, mode=self.mode, key=self.key, document=text_sha256)


@dataclass(frozen=True)
class EnrichmentRules:
    """Rules of a deployment; each part may be absent.

    Attributes:
        sections: finds the sections of a text.
        assertion: assesses mentions of findings.
        findings: labels of findings.
        vocabulary: names with codes.
        coded: labels of the entities that are looked up in it; None: all.
        redactor: finds personal data.
    """

    sections: SectionRules | None = None
    assertion: AssertionRules | None = None
    findings: frozenset[str] = frozenset()
    vocabulary: Vocabulary | None = None
    coded: frozenset[str] | None = None
    redactor: Redactor | None = None

    @classmethod
    def load(cls, config: EnrichmentConfig, labels: Sequence[str], *, cache: Path | None = None) -> "EnrichmentRules":
        """Load the rules.

        Args:
            config: which of them, and their files.
            labels: labels of the model.
            cache: folder for the compiled vocabulary; None: that of its CSV file.

        Raises:
            InputMissing: there is no such file.
            ConfigInvalid: a file does not hold rules, or the model does not have a label.
        """
        findings, coded = split_labels(config.assertion_labels), split_labels(config.code_labels)
        for name, given in (("assertion_labels", findings), ("code_labels", coded)):
            if unknown := sorted(given - set(labels)):
                expected = f"expected one of {', '.join(labels)}, in {name}={getattr(config, name)}"
                raise ConfigInvalid(f"found label {unknown[0]!r}, {expected}")
        return cls(
            SectionRules.load(config.sections_file) if config.sections else None,
            AssertionRules.load(config.assertion_file) if findings else None,
            findings,
            Vocabulary.open(config.vocabulary, cache) if config.vocabulary else None,
            coded or None,
            Redactor.load(config),
        )

    @cached_property
    def version(self) -> str:
        """Version of the rules that are applied. Their code counts in the version of the configuration."""
        parts: dict[str, Any] = {"sections": self.sections and self.sections.version}
        if self.assertion:
            parts |= {"assertion": self.assertion.version, "findings": sorted(self.findings)}
        if self.vocabulary:
            parts |= {"vocabulary": self.vocabulary.version, "coded": self.coded and sorted(self.coded)}
        if self.redactor:
            parts |= {"redaction": self.redactor.version}
        return make_version(parts)


def hash_files(config: EnrichmentConfig) -> str:
    """Return a hash of the settings and of the files of rules, ours and the deployment's, without parsing them.

    Raises:
        InputMissing: there is no such file.
    """
    files = {name: value for name, value in config if isinstance(value, Path)}
    return make_version(
        {
            "settings": {name: value for name, value in config if name not in files},
            "built_in": {path.name: atomic.sha256_of(path) for path in sorted(_LEXICONS.glob("*.yaml"))},
            "given": {name: _hash_file(path) for name, path in files.items()},
        }
    )


def _hash_file(path: Path) -> str:
    try:
        return atomic.sha256_of(path)
    except OSError as error:
        raise InputMissing(f"found {error.strerror}, expected a file of rules, at {path}") from None


def _read_key(config: EnrichmentConfig) -> bytes:
    if config.redaction_key_file is None:
        return b""
    try:
        return config.redaction_key_file.read_bytes().strip()
    except OSError as error:
        raise InputMissing(
            f"found {error.strerror}, expected the secret of redaction, at {config.redaction_key_file}"
        ) from None
