"""Decide for each entity whether it is published, goes to review or is dropped: scores and lists of mentions, by label."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field, ValidationError, model_validator

from ner_tasks.config.types import Share
from ner_tasks.enrichment.mention_lists import MentionList
from ner_tasks.enrichment.names import normalize_name
from ner_tasks.errors import ConfigInvalid
from ner_tasks.files.yaml_files import StrictModel, read_yaml
from ner_tasks.fingerprint import code_version, make_version

DEFAULT_FILE = Path(__file__).parent.parent / "config" / "policy.yaml"

Action = Literal["publish", "review", "drop"]
Reason = Literal["allow list", "deny list", "score"]
Mention = Annotated[str, Field(min_length=1, max_length=1000)]


class Decision(NamedTuple):
    """What is done with an entity, and why."""

    action: Action
    reason: Reason


_DENIED, _ALLOWED = Decision("drop", "deny list"), Decision("publish", "allow list")
_PUBLISHED, _REVIEWED, _DROPPED = (Decision(action, "score") for action in ("publish", "review", "drop"))


class LabelRules(StrictModel):
    """Rules of one label; a score of None is that of all labels.

    Attributes:
        publish: least score of an entity that is published.
        review: least score of one that goes to review; None for all labels: none goes there.
        allow: mentions that are published whatever their score; `*` stands for any characters.
        deny: mentions that are dropped whatever their score.
    """

    publish: Share | None = None
    review: Share | None = None
    allow: tuple[Mention, ...] = ()
    deny: tuple[Mention, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.publish is not None and self.review is not None and self.publish < self.review:
            raise ValueError(f"publish {self.publish} lies below review {self.review}")
        allow, deny = self.lists
        if both := sorted(allow.entries & deny.entries):
            raise ValueError(f"{both[0]!r} is on both lists, allow and deny")
        return self

    @cached_property
    def lists(self) -> tuple[MentionList, MentionList]:
        """The lists of mentions that are allowed, and denied."""
        return MentionList.parse(self.allow), MentionList.parse(self.deny)


class PolicyFile(StrictModel):
    """A YAML file of rules; `config/policy.yaml` documents each key."""

    all: LabelRules = LabelRules()
    labels: Mapping[str, LabelRules] = {}

    @model_validator(mode="after")
    def _check(self) -> Self:
        for label, rules in self.labels.items():
            publish = self.all.publish if rules.publish is None else rules.publish
            if rules.review is not None and publish is not None and publish < rules.review:
                raise ValueError(f"publish {publish} lies below review {rules.review} of {label}")
        return self


class _Limits(NamedTuple):
    """What decides about one label: its scores, and lists of mentions, those looked at first in front."""

    publish: float
    review: float
    lists: tuple[tuple[MentionList, MentionList], ...]


@dataclass(frozen=True)
class EntityPolicy:
    """Rules for all labels: those of a file, with the defaults where it says nothing."""

    rules: PolicyFile

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Read the rules from a YAML file.

        Args:
            path: path of the file; None: the defaults alone.

        Raises:
            InputMissing: the file does not exist.
            ConfigInvalid: it is not YAML, has an unknown key, a score out of bounds, `publish` below `review`, or a mention
                on both lists of a label.
        """
        rules = _read(DEFAULT_FILE)
        if path is not None:
            own = _read(path)
            given = {name: getattr(own.all, name) for name in own.all.model_fields_set}
            try:
                rules = PolicyFile.model_validate({"all": {**rules.all.model_dump(), **given}, "labels": own.labels})
            except ValidationError as error:  # a score of the file against one of the defaults, or of `all`
                found = error.errors()[0]["msg"]
                raise ConfigInvalid(f"found {found}, expected the keys of {DEFAULT_FILE.name}, in {path}") from None
        return cls(rules)

    @cached_property
    def version(self) -> str:
        """Version of the rules and of the spelling in which mentions are compared."""
        return make_version(
            {
                "rules": {
                    label: _describe(rules) for label, rules in [("", self.rules.all), *self.rules.labels.items()]
                },
                "code": code_version("enrichment.mention_lists"),
            }
        )

    def with_scores(self, min_score: float | None = None, by_label: str = "") -> Self:
        """Return a copy in which the settings of a deployment replace `publish`; a higher `review` is lowered to it.

        Args:
            min_score: of all labels that have no score of their own, 0 to 1; None: as it is.
            by_label: of single labels, such as `per=0.5,geo=0.2`; empty for none.

        Raises:
            ConfigInvalid: `by_label` is malformed, or has a label twice.
        """
        every = self.rules.all if min_score is None else _replace_scores(self.rules.all, min_score, min_score)
        scores, labels = parse_scores(by_label), {}
        for label in dict.fromkeys([*self.rules.labels, *scores]):
            rules = self.rules.labels.get(label, LabelRules())
            own = scores.get(label, rules.publish)
            labels[label] = _replace_scores(rules, own, every.publish if own is None else own)
        return replace(self, rules=PolicyFile(all=every, labels=labels))

    def check_labels(self, known: Collection[str]) -> None:
        """Check that every label with rules of its own is a label of the model; other rules would never apply.

        Args:
            known: labels of the model.

        Raises:
            ConfigInvalid: unknown label.
        """
        if unknown := sorted(set(self.rules.labels) - set(known)):
            labels = ", ".join(known)
            raise ConfigInvalid(f"found label {unknown[0]!r}, expected one of {labels}, in the policy of entities")

    def decide(self, label: str, score: float, mention: str) -> Decision:
        """Decide what is done with an entity.

        Args:
            label: its label.
            score: its score, 0 to 1.
            mention: its text.
        """
        limits = self._by_label.get(label, self._every)
        if limits.lists:
            key = normalize_name(mention)
            for allow, deny in limits.lists:
                if allow.names(key):
                    return _ALLOWED
                if deny.names(key) or deny.matches(key):
                    return _DENIED
                if allow.matches(key):
                    return _ALLOWED
        if score >= limits.publish:
            return _PUBLISHED
        return _REVIEWED if score >= limits.review else _DROPPED

    def scores(self, label: str) -> tuple[float, float]:
        """Return the least score of a label's entities that are published, and of those that go to review, 0 to 1."""
        limits = self._by_label.get(label, self._every)
        return limits.publish, limits.review

    @cached_property
    def _every(self) -> _Limits:
        return self._limits(LabelRules())

    @cached_property
    def _by_label(self) -> dict[str, _Limits]:
        return {label: self._limits(rules) for label, rules in self.rules.labels.items()}

    def _limits(self, rules: LabelRules) -> _Limits:
        every = self.rules.all
        publish = next(score for score in (rules.publish, every.publish, 0.0) if score is not None)
        review = next(score for score in (rules.review, every.review, publish) if score is not None)
        lists = tuple(one.lists for one in (rules, every) if one.allow or one.deny)
        return _Limits(publish, review, lists)


def parse_scores(by_label: str) -> dict[str, float]:
    """Parse scores by label, such as `per=0.5,geo=0.2`.

    Raises:
        ConfigInvalid: a label twice, or a score that is no number from 0 to 1.
    """
    scores: dict[str, float] = {}
    for pair in filter(None, by_label.split(",")):
        label, _, text = pair.partition("=")
        if label in scores:
            raise ConfigInvalid(f"found label {label!r} twice, expected it once, in min_label_scores={by_label}")
        try:
            scores[label] = float(text)
        except ValueError:
            scores[label] = -1
        if not 0 <= scores[label] <= 1:
            raise ConfigInvalid(f"found {pair!r}, expected a label and 0 to 1, in min_label_scores={by_label}")
    return scores


def _read(path: Path) -> PolicyFile:
    return read_yaml(PolicyFile, path, kind="a YAML of policies", expected=f"the keys of {DEFAULT_FILE.name}")


def _replace_scores(rules: LabelRules, publish: float | None, most: float | None) -> LabelRules:
    review = rules.review if rules.review is None or most is None else min(rules.review, most)
    return rules.model_copy(update={"publish": publish, "review": review})


def _describe(rules: LabelRules) -> list[Any]:
    allow, deny = rules.lists
    return [rules.publish, rules.review, sorted(allow.entries), sorted(deny.entries)]
