"""Great Expectations' Data Docs of a validation: an index and a page for each suite, without external resources.

The pages of Great Expectations load styles and scripts from several servers, which would learn who reads them and fail
without a network. This module removes external references and adds a small style sheet. The pages show values of the
data unescaped, so scripts are removed as well and forbidden by a Content-Security-Policy.
"""

import datetime
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import great_expectations as gx
from great_expectations.core import ExpectationSuiteValidationResult, RunIdentifier
from great_expectations.data_context.types.resource_identifiers import (
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)
from lxml import html

from ner_tasks.data.validation.expectations import RuleFinding
from ner_tasks.files import atomic

_SITE = "data_gate"
_ELSEWHERE = re.compile(r"""url\(\s*['"]?(?:https?:)?//[^)]*\)""")
_POLICY = "default-src 'none'; style-src 'self' 'unsafe-inline'"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem; color: #222; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; } td, th { border: 1px solid #ccc; padding: .3rem .6rem; }
td, th { text-align: left; vertical-align: top; } .badge { background: #eee; padding: 0 .3rem; }
.collapse { display: block; } .modal, script, .cta-footer { display: none; } img { max-height: 2rem; }
ul { padding-left: 1.2rem; } .fa-check-circle::before { content: "\\2713 "; color: #080; }
.fa-times::before { content: "\\2717 "; color: #b00; } .fa-exclamation-triangle::before { content: "! "; }
"""


def write_data_docs(target: Path, findings: Sequence[RuleFinding]) -> None:
    """Write Data Docs to the folder `target`, which is replaced if it exists.

    Args:
        target: folder to create.
        findings: findings of all suites, from `expectations.run_suite`.
    """
    with atomic.staged_folder(target) as folder:
        _render(folder, findings)
        for unused in ("images", "fonts"):
            shutil.rmtree(folder / "static" / unused, ignore_errors=True)
        for page in folder.rglob("*.html"):
            links = _links(folder, findings) if page.name == "index.html" else None
            page.write_text(_self_contained(page.read_text(encoding="utf-8"), links), encoding="utf-8")


def _render(folder: Path, findings: Sequence[RuleFinding]) -> None:
    context = gx.get_context(mode="ephemeral")
    context.variables.data_docs_sites = {}
    context.add_data_docs_site(
        site_name=_SITE,
        site_config={
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder.resolve())},
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "site_section_builders": {"expectations": "None", "profiling": "None"},
        },
    )
    suites: dict[str, list[Any]] = {}
    for finding in findings:
        suites.setdefault(finding.suite, []).append(finding.answer)
    run = RunIdentifier(run_name="labelled", run_time=datetime.datetime.now(datetime.UTC))
    for suite, answers in suites.items():
        name = _slug(suite)
        key = ValidationResultIdentifier(
            expectation_suite_identifier=ExpectationSuiteIdentifier(name=name), run_id=run, batch_identifier="all"
        )
        context.validation_results_store.add(key, _suite_result(name, answers))
    context.build_data_docs(site_names=[_SITE])


def _suite_result(name: str, answers: Sequence[Any]) -> Any:
    n_met = sum(bool(answer.success) for answer in answers)
    return ExpectationSuiteValidationResult(
        success=n_met == len(answers),
        results=list(answers),
        suite_name=name,
        statistics={
            "evaluated_expectations": len(answers),
            "successful_expectations": n_met,
            "unsuccessful_expectations": len(answers) - n_met,
            "success_percent": 100 * n_met / len(answers),
        },
        meta={"great_expectations_version": gx.__version__},
    )


def _slug(suite: str) -> str:
    return suite.replace(": ", "-").replace(" ", "-")


def _links(folder: Path, findings: Sequence[RuleFinding]) -> Any:
    """Return a list of links to the suites' pages, since the list of the index is a script, which is removed."""
    listed = html.Element("ul")
    for suite in dict.fromkeys(finding.suite for finding in findings):
        broken = [finding.rule.name for finding in findings if finding.suite == suite and not finding.ok]
        (page,) = (folder / "validations" / _slug(suite)).rglob("*.html")
        item = html.Element("li")
        link = html.Element("a", href=quote(page.relative_to(folder).as_posix()))
        link.text = _slug(suite)
        link.tail = f": not met: {', '.join(broken)}" if broken else ": all as expected"
        item.append(link)
        listed.append(item)
    return listed


def _self_contained(page: str, links: Any = None) -> str:
    """Remove scripts and external resources from a page and add the style sheet."""
    tree = html.document_fromstring(page)
    for element in tree.xpath("//script | //img | //link | //iframe"):
        where = element.get("src") or element.get("href") or ""
        if element.tag == "script" or "//" in where or element.tag == "img":
            element.drop_tree()
    for element in tree.xpath("//*[@*]"):
        for name in [name for name in element.attrib if name.lower().startswith("on")]:
            del element.attrib[name]
    for element in tree.iter("style"):
        element.text = _ELSEWHERE.sub("none", element.text or "")
    for element in tree.xpath("//*[@style]"):
        element.set("style", _ELSEWHERE.sub("none", element.get("style")))
    style = html.Element("style")
    style.text = _STYLE
    policy = html.Element("meta", {"http-equiv": "Content-Security-Policy", "content": _POLICY})
    tree.find("head").insert(0, policy)
    tree.find("head").append(style)
    if links is not None:
        tree.find("body").insert(0, links)
    return str(html.tostring(tree, encoding="unicode", doctype="<!DOCTYPE html>"))
