"""Read the lexicon of assertion: phrases, what each does to the mentions around it, and a check that no two disagree."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import product
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeVar, get_args

from pydantic import BeforeValidator, Field, model_validator

from ner_tasks.errors import ConfigInvalid
from ner_tasks.files.yaml_files import StrictModel, read_yaml
from ner_tasks.segmentation import DEFAULT_LANGUAGE
from ner_tasks.segmentation.words import word_splitter

Status = Literal["negated", "uncertain", "historical", "hypothetical", "family"]
STATUSES: tuple[Status, ...] = get_args(Status)
# A trigger of one ends the scope of the other, and no phrase gives both.
EXCLUSIVE: tuple[tuple[Status, Status], ...] = (("negated", "uncertain"), ("hypothetical", "historical"))
# A mention has at most one of each pair: the first. Who denies a history denies the past as well.
OVERRULED: tuple[tuple[Status, Status], ...] = (*EXCLUSIVE, ("negated", "historical"))
YIELDING: Status = "historical"  # the only status that another mention of the same in the text can take back

OURS = Path(__file__).parent / "lexicons" / "assertion.yaml"
MAX_PHRASES, MAX_PHRASE_WORDS = 50_000, 12
_GROUP = re.compile(r"<([a-z_]+)>")

Phrases = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=200)], ...],
    BeforeValidator(lambda given: (given,) if isinstance(given, str) else given),
    Field(min_length=1),
]
Scope = Annotated[int, Field(ge=1, le=1000)]


class LexiconLine(StrictModel):
    """Phrases that do the same, and a sentence that shows it with the mention in brackets: `Denies [fever].`"""

    phrases: Phrases
    example: Annotated[str, Field(max_length=1000)] = ""

    @property
    def effect(self) -> str:
        """What a mention gets, for messages."""
        return "no status"

    def is_shown_by(self, statuses: frozenset[str]) -> bool:
        """Whether a mention with these statuses shows what the line does."""
        return not statuses


Line = TypeVar("Line", bound=LexiconLine)


class TriggerLine(LexiconLine):
    """Phrases that give mentions a status.

    Attributes:
        status: what a mention within the scope gets.
        direction: forward: mentions behind the phrase; backward: before it; both.
        scope: how many words it reaches; within a list, from each item to the next.
        lists: whether the scope goes on from an item of a list to the next.
        yields: of `historical`: whether it is dropped where the text describes the same as present elsewhere.
    """

    status: Status
    direction: Literal["forward", "backward", "both"]
    scope: Scope | None = None
    lists: bool = True
    yields: bool = False

    @model_validator(mode="after")
    def _check_yields(self) -> Self:
        if self.yields and self.status != YIELDING:
            raise ValueError(f"found yields with status {self.status}, expected {YIELDING}")
        return self

    @property
    def effect(self) -> str:
        return self.status

    def is_shown_by(self, statuses: frozenset[str]) -> bool:
        return self.status in statuses


class TerminatorLine(LexiconLine):
    """Phrases that end the scope of triggers, of those statuses only."""

    ends: tuple[Status, ...] = STATUSES

    @property
    def effect(self) -> str:
        return f"none of {list(self.ends)}"

    def is_shown_by(self, statuses: frozenset[str]) -> bool:
        return statuses.isdisjoint(self.ends)


class Separators(StrictModel):
    """What stands between the items of a list; a trigger without `lists` ends at a conjunctive one."""

    conjunctive: tuple[str, ...] = ()
    alternative: tuple[str, ...] = ()


class AssertionLexicon(StrictModel):
    """A lexicon as its file has it; `lexicons/assertion.yaml` documents each key."""

    language: str = DEFAULT_LANGUAGE
    replace: bool = False
    without: tuple[str, ...] = ()
    scope: Scope | None = None
    groups: Mapping[str, tuple[str, ...]] = {}
    separators: Separators = Separators()
    sections: Mapping[str, tuple[Status, ...]] = {}
    episodes: tuple[str, ...] = ()
    triggers: tuple[TriggerLine, ...] = ()
    pseudo_triggers: tuple[LexiconLine, ...] = ()
    terminators: tuple[TerminatorLine, ...] = ()

    def lines(self) -> Iterator[LexiconLine]:
        """Yield the lines of all kinds."""
        yield from (*self.triggers, *self.pseudo_triggers, *self.terminators)


class Reach(NamedTuple):
    """Status that a trigger gives, how far, and whether it yields."""

    status: Status
    scope: int
    lists: bool
    yields: bool


@dataclass
class Action:
    """All that one phrase does: where it reaches, which scopes it ends, whether it separates items of a list."""

    forward: dict[Status, Reach] = field(default_factory=dict)
    backward: dict[Status, Reach] = field(default_factory=dict)
    ends: frozenset[Status] | None = None
    separator: Literal["conjunctive", "alternative"] | None = None
    is_pseudo: bool = False


def read_lexicon(path: Path | None) -> AssertionLexicon:
    """Read our lexicon, or a user's that extends or replaces ours.

    Args:
        path: YAML file of the user; None: ours.

    Raises:
        InputMissing: `path` does not exist.
        ConfigInvalid: not YAML, unknown key, invalid value, or `without` names a phrase that ours does not have.
    """
    ours = _read_ours()
    if path is None:
        return ours
    given = read_lines(path)
    return given if given.replace else _extend(ours, given, path)


def compile_lexicon(lexicon: AssertionLexicon, path: Path) -> dict[tuple[str, ...], Action]:
    """Return what each phrase does, by its words in lower case.

    Args:
        lexicon: the lexicon.
        path: its file, for messages.

    Raises:
        ConfigInvalid: unknown group, too many or too long phrases, or lines that contradict each other.
    """
    actions: dict[tuple[str, ...], Action] = {}
    for words, line in _expand_lines(lexicon, lexicon.triggers, path):
        scope = line.scope or lexicon.scope or 1
        reach = Reach(line.status, scope, line.lists, line.yields)
        _add_trigger(actions.setdefault(words, Action()), words, line, reach, path)
    for words, end in _expand_lines(lexicon, lexicon.terminators, path):
        action = actions.setdefault(words, Action())
        action.ends = (action.ends or frozenset()) | set(end.ends)
        if both := action.ends & {*action.forward, *action.backward}:
            raise _contradiction(words, f"as a trigger and as a terminator of {min(both)}", path)
    separators = lexicon.separators
    for is_alternative, phrases in enumerate((separators.conjunctive, separators.alternative)):
        for words, _ in _expand_lines(lexicon, [LexiconLine(phrases=phrases)] if phrases else [], path):
            actions.setdefault(words, Action()).separator = "alternative" if is_alternative else "conjunctive"
    for words, _ in _expand_lines(lexicon, lexicon.pseudo_triggers, path):
        if words in actions and not actions[words].is_pseudo:
            raise _contradiction(words, "as a pseudo-trigger and as a phrase that acts", path)
        actions[words] = Action(is_pseudo=True)
    return actions


def split_words(text: str, language: str) -> list[str]:
    """Return the words of a phrase or an example as `ner_tasks.segmentation` splits them."""
    return [text[start:end] for start, end in word_splitter(language).iter_words(text, 0, len(text))]


@lru_cache(maxsize=MAX_PHRASES)
def split_phrase(phrase: str, language: str) -> tuple[str, ...]:
    """Return the words of a phrase in lower case, with straight apostrophes."""
    return tuple(word.lower().replace("’", "'") for word in split_words(phrase, language))


def expand(phrase: str, groups: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield a phrase with each `<group>` replaced by each of its members.

    Raises:
        KeyError: there is no such group.
    """
    parts = _GROUP.split(phrase)  # text, name, text, name, ..., text
    choices = [groups[part] if index % 2 else (part,) for index, part in enumerate(parts)]
    if prod(map(len, choices)) > MAX_PHRASES:
        raise OverflowError
    yield from map("".join, product(*choices))


def read_lines(path: Path) -> AssertionLexicon:
    """Read the lines of one file, without those that it extends."""
    return read_yaml(AssertionLexicon, path, kind="a lexicon of assertion", expected=f"the keys of {OURS.name}")


@cache
def _read_ours() -> AssertionLexicon:
    return read_lines(OURS)


def _extend(ours: AssertionLexicon, given: AssertionLexicon, path: Path) -> AssertionLexicon:
    """Return both together, without the phrases of ours that the user's names in `without`."""
    known = {phrase for line in ours.lines() for phrase in line.phrases}
    if unknown := sorted(set(given.without) - known):
        raise ConfigInvalid(f"found {unknown[0]!r} in without, expected a phrase of {OURS.name}, in {path}")
    if given.language != ours.language:
        raise ConfigInvalid(f"found language {given.language!r} in a lexicon that extends ours, expected "
                            f"{ours.language!r}, or replace: true, in {path}")  # fmt: skip
    merged: dict[str, Any] = {"episodes": (*ours.episodes, *given.episodes)}
    for kind in ("triggers", "pseudo_triggers", "terminators"):
        kept = [_drop(line, given.without) for line in getattr(ours, kind)]
        merged[kind] = (*filter(None, kept), *getattr(given, kind))
    for kind in ("groups", "sections"):
        merged[kind] = {**getattr(ours, kind), **getattr(given, kind)}
    merged["separators"] = Separators(
        conjunctive=ours.separators.conjunctive + given.separators.conjunctive,
        alternative=ours.separators.alternative + given.separators.alternative,
    )
    return ours.model_copy(update={**merged, "scope": given.scope or ours.scope})


def _drop(line: LexiconLine, without: Sequence[str]) -> LexiconLine | None:
    kept = tuple(phrase for phrase in line.phrases if phrase not in without)
    return line.model_copy(update={"phrases": kept}) if kept else None


def _expand_lines(
    lexicon: AssertionLexicon, lines: Sequence[Line], path: Path
) -> Iterator[tuple[tuple[str, ...], Line]]:
    """Yield the words of each phrase of each line."""
    n_phrases = 0
    for line in lines:
        for phrase in line.phrases:
            for words in _expand_phrase(phrase, lexicon, path):
                n_phrases += 1
                if n_phrases > MAX_PHRASES:
                    raise ConfigInvalid(f"found more than {MAX_PHRASES} phrases, expected fewer, in {path}")
                yield words, line


def _expand_phrase(phrase: str, lexicon: AssertionLexicon, path: Path) -> Iterator[tuple[str, ...]]:
    try:
        for text in expand(phrase, lexicon.groups):
            words = split_phrase(text, lexicon.language)
            if not 1 <= len(words) <= MAX_PHRASE_WORDS:
                raise ConfigInvalid(
                    f"found {len(words)} words in {text!r}, expected 1 to {MAX_PHRASE_WORDS}, in {path}"
                )
            yield words
    except KeyError as error:
        raise ConfigInvalid(f"found <{error.args[0]}> in {phrase!r}, expected one of the groups, in {path}") from None
    except OverflowError:
        raise ConfigInvalid(f"found more than {MAX_PHRASES} phrases in {phrase!r}, expected fewer, in {path}") from None


def _add_trigger(action: Action, words: tuple[str, ...], line: TriggerLine, reach: Reach, path: Path) -> None:
    for direction in ("forward", "backward"):
        if line.direction not in (direction, "both"):
            continue
        reaches: dict[Status, Reach] = getattr(action, direction)
        for pair in EXCLUSIVE:
            other = pair[line.status == pair[0]]
            if line.status in pair and other in reaches:
                raise _contradiction(words, f"{direction} as {other} and as {line.status}", path)
        if reaches.setdefault(line.status, reach) != reach:
            raise _contradiction(words, f"{direction} as {line.status} in two ways", path)


def _contradiction(words: tuple[str, ...], found: str, path: Path) -> ConfigInvalid:
    return ConfigInvalid(f"found {' '.join(words)!r} {found}, expected one of the two, in {path}")
