"""Command-line flags of a configuration model: one for each setting."""

import argparse
import inspect
import json
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from ner_tasks.config.base import ConfigModel
from ner_tasks.errors import ConfigInvalid, InputMissing


@dataclass(frozen=True)
class Flag:
    """How a setting is given on the command line, where its type does not say it.

    Attributes:
        metavar: stands for the value in the help text.
        also: other spellings that are accepted and not shown, such as those of the reference kit.
        is_positional: given without a flag.
    """

    metavar: str = ""
    also: tuple[str, ...] = ()
    is_positional: bool = False


def add_flags(parser: argparse.ArgumentParser, model: type[ConfigModel]) -> None:
    """Add a flag for each setting of the model; what is not given does not appear in the parsed namespace."""
    for name in _order(model):
        field = model.model_fields[name]
        flag = _find_flag(field.metadata) or _find_flag_in(field.annotation) or Flag()
        options = _options(field, flag)
        if flag.is_positional:
            parser.add_argument(name, **{**options, "nargs": "*"})
            continue
        parser.add_argument(f"--{name}", **options)
        if flag.also:
            parser.add_argument(*flag.also, dest=name, **{**options, "help": argparse.SUPPRESS})


def read_flags(model: type[ConfigModel], given: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of `--config`, over which go those that were given as flags.

    Raises:
        InputMissing, ConfigInvalid: `--config` is no file, or not a JSON object.
    """
    values = read_config_file(given.config) if given.config else {}
    return values | {name: value for name, value in vars(given).items() if name in model.model_fields}


def require_flags(parser: argparse.ArgumentParser, model: type[ConfigModel], given: argparse.Namespace) -> None:
    """Exit with 2 if a required flag is missing. With `--config`, the model checks what is missing."""
    missing = [name for name, field in model.model_fields.items() if field.is_required() and name not in vars(given)]
    if missing and not given.config:
        parser.error(f"the following arguments are required: {', '.join(f'--{name}' for name in missing)}")


def read_config_file(path: Path) -> dict[str, Any]:
    """Read settings from a JSON object.

    Raises:
        InputMissing: no such file.
        ConfigInvalid: the file is not a JSON object.
    """
    if not path.is_file():
        raise InputMissing(f"found nothing at {path}, expected a JSON file of settings")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ConfigInvalid(f"found {error}, expected JSON, in {path}") from None
    if not isinstance(values, dict):
        raise ConfigInvalid(f"found {type(values).__name__}, expected an object of settings, in {path}")
    return values


def _order(model: type[ConfigModel]) -> list[str]:
    """Names of the settings: those that the model itself declares first, those of its last base last."""
    names = [name for base in model.__mro__ for name in inspect.get_annotations(base)]
    return [name for name in dict.fromkeys(names) if name in model.model_fields]


def _find_flag(metadata: Iterable[Any]) -> Flag | None:
    return next((each for each in metadata if isinstance(each, Flag)), None)


def _find_flag_in(annotation: Any) -> Flag | None:
    """The flag of `Annotated[X, Flag(...)] | None`."""
    return next(
        (flag for each in get_args(annotation) if (flag := _find_flag(getattr(each, "__metadata__", ())))), None
    )


def help_text(field: FieldInfo) -> str:
    """Return the description of a setting and its default, for `--help` and the reference."""
    text = (
        f"{field.title}. {field.description}" if field.title and field.description else field.title or field.description
    )
    default = field.get_default(call_default_factory=True) if not field.is_required() else None
    default = int(default) if isinstance(default, bool) else default
    shown = "" if default in (None, "", ()) else f" (default: {default})"
    shown = " (required)" if field.is_required() else shown
    return f"{text or ''}{shown}".replace("%", "%%")


def _options(field: FieldInfo, flag: Flag) -> dict[str, Any]:
    options: dict[str, Any] = {"help": help_text(field), "default": argparse.SUPPRESS}
    kind, is_list = _value_type(field.annotation)
    if is_list:
        options["nargs"] = "+" if field.is_required() else "*"
    if get_origin(kind) is Literal:
        return options | {"choices": get_args(kind)}
    if kind is bool:
        return options | {"type": int, "choices": (0, 1)}
    defaults: Mapping[Any, str] = {Path: "PATH", int: "N", float: "X", str: "TEXT"}
    return options | {
        "type": kind if kind in (int, float, Path) else str,
        "metavar": flag.metavar or defaults.get(kind),
    }


def _value_type(annotation: Any) -> tuple[Any, bool]:
    """The type of one value, and whether the flag takes several."""
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(each for each in get_args(annotation) if each is not type(None))
    if hasattr(annotation, "__metadata__"):
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is tuple:
        return _value_type(get_args(annotation)[0])[0], True
    return annotation, False
