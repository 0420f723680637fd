"""Words by which personal data are recognized: our YAML file, extended or replaced by a user's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from ner_tasks.enrichment.personal_data.spans import KINDS
from ner_tasks.errors import ConfigInvalid
from ner_tasks.files.yaml_files import StrictModel, read_yaml

LEXICONS = Path(__file__).parent.parent / "lexicons"
DEFAULT_LEXICON = LEXICONS / "personal_data.yaml"

Words = tuple[Annotated[str, Field(min_length=1, max_length=80)], ...]
Month = Annotated[int, Field(ge=1, le=12)]


class PersonalDataLexicon(StrictModel):
    """Words and settings of all recognizers; `lexicons/personal_data.yaml` documents each key."""

    extends: bool = True
    labels: Mapping[str, str] = {}
    kinds: Words = KINDS
    ignored_sources: tuple[Annotated[str, Field(pattern=r"^(?:model|context|checksum|pattern):\S{1,60}$")], ...] = ()
    age_over: Annotated[int, Field(ge=0, le=130)] = 89
    context: Mapping[str, Words] = {}
    connectors: Words = ()
    near: Mapping[str, Words] = {}
    after: Mapping[str, Words] = {}
    name_labels: Words = ()
    name_leads: Words = ()
    not_names: Words = ()
    form_words: Words = ()
    titles: Words = ()
    particles: Words = ()
    months: Mapping[str, Month] = {}
    ambiguous_months: Words = ()
    weekdays: Words = ()
    short_weekdays: Words = ()
    month_leads: Words = ()
    year_leads: Words = ()
    year_units: Words = ()
    day_leads: Words = ()
    street_types: Words = ()
    street_beginnings: Words = ()
    street_endings: Words = ()
    unit_types: Words = ()
    address_labels: Words = ()
    address_leads: Words = ()
    state_codes: Words = ()
    regions: tuple[Words, ...] = ()

    @model_validator(mode="after")
    def _check_kinds(self) -> Self:
        named = {"labels": self.labels.values(), "context": self.context, "near": self.near, "after": self.after}
        for key, kinds in named.items():
            if unknown := sorted(set(kinds) - set(KINDS)):
                raise ValueError(f"kind {unknown[0]!r} in {key} is none of {', '.join(KINDS)}")
        if sorted(self.kinds) != sorted(KINDS):
            raise ValueError(f"kinds are not each of {', '.join(KINDS)} once")
        return self

    @model_validator(mode="after")
    def _check_contradictions(self) -> Self:
        kind_of: dict[str, str] = {}
        for kind, phrases in self.context.items():
            for phrase in map(str.lower, phrases):
                if kind_of.setdefault(phrase, kind) != kind:
                    raise ValueError(f"context {phrase!r} stands for {kind_of[phrase]} and for {kind}")
        return self

    def extended_by(self, other: "PersonalDataLexicon") -> "PersonalDataLexicon":
        """Return these words with those of another file: lists grow, other values are replaced.

        Args:
            other: only the keys that its file sets are taken.

        Raises:
            ValidationError: together they contradict each other.
        """
        merged: dict[str, Any] = self.model_dump()
        for key in other.model_fields_set:
            merged[key] = _merge(merged[key], getattr(other, key), grows=key != "kinds")
        return PersonalDataLexicon.model_validate(merged)


def _merge(ours: Any, theirs: Any, *, grows: bool) -> Any:
    if isinstance(ours, Mapping):
        return {**ours, **{key: _merge(ours.get(key), value, grows=grows) for key, value in theirs.items()}}
    return (*ours, *theirs) if isinstance(ours, tuple) and grows else theirs


def read_lexicon(path: Path | None = None) -> PersonalDataLexicon:
    """Read the words.

    Args:
        path: a user's YAML file, which extends ours, or stands alone with `extends: false`; None: ours.

    Raises:
        InputMissing: `path` does not exist.
        ConfigInvalid: not YAML, an unknown key or kind, a value out of bounds, or words that contradict each other.
    """
    ours = _read(DEFAULT_LEXICON)
    if path is None:
        return ours
    theirs = _read(path)
    if not theirs.extends:
        return theirs
    try:
        return ours.extended_by(theirs)
    except ValidationError as error:
        found = "; ".join(each["msg"] for each in error.errors())
        raise ConfigInvalid(f"found {found}, expected words that fit {DEFAULT_LEXICON.name}, in {path}") from None


def _read(path: Path) -> PersonalDataLexicon:
    return read_yaml(
        PersonalDataLexicon, path, kind="a YAML of personal data", expected=f"the keys of {DEFAULT_LEXICON.name}"
    )
