"""Canaries: words that occur once, put at every place of a file that can hold text."""

import random
import string
from collections.abc import Callable


def new_word(rng: random.Random) -> str:
    """A word that no other text holds, such as `Qxkdjehwma`."""
    return "Qx" + "".join(rng.choices(string.ascii_lowercase, k=8))


def office_properties(rng: random.Random, word: Callable[[str], str]) -> dict[str, str]:
    """Parts of an Office package for its properties, some with a word; `word` makes one for a holder."""
    parts = {}
    if rng.random() < 0.5:
        core = "http://schemas.openxmlformats.org/package/2006/metadata/core-properties"
        names = rng.sample(
            ["dc:title", "dc:subject", "dc:description", "cp:keywords", "cp:category"], rng.randint(1, 5)
        )
        texts = "".join(f"<{name}>{rng.choice(['', 'Claim of '])}{word(name)}</{name}>" for name in names)
        spaces = f'xmlns:cp="{core}" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        path = rng.choice(["docProps/core.xml", "package/services/metadata/core-properties/1a.psmdcp"])
        parts[path] = f"<cp:coreProperties {spaces}>{texts}<dc:creator>x</dc:creator></cp:coreProperties>"
    if rng.random() < 0.3:
        spaces = (
            'xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties" '
            'xmlns:vt="http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes"'
        )
        kind, name = rng.choice(["lpwstr", "lpstr", "bstr"]), word("name of a custom property")
        value = f"<vt:{kind}>{word('custom property')}</vt:{kind}>"
        property_ = f'<property fmtid="{{D5}}" pid="2" name="{name}">{value}</property>'
        parts["docProps/custom.xml"] = f"<Properties {spaces}>{property_}</Properties>"
    return parts
