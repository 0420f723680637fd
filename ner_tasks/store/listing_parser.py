"""Cheaper parsing of S3's listings: botocore's parser without its general walk over each listed object.

botocore still reads the XML, the errors in it and the fields of a page, and decodes the names.
"""

from typing import Any
from xml.etree.ElementTree import Element

from botocore.parsers import ResponseParserFactory, RestXMLParser

_OBJECTS = "ObjectList"  # shape of `Contents` in ListObjectsV2 of botocore's service model
_TEXTS = frozenset({"Key", "ETag"})


class ListingParser(RestXMLParser):
    """Parser of S3's responses; gives key, size, ETag and time of a listed object, and nothing else of it."""

    def _handle_list(self, shape: Any, node: Any) -> Any:
        if shape.name != _OBJECTS:
            return super()._handle_list(shape, node)
        # a single element is not in a list
        return [self._parse_object(item) for item in (node if isinstance(node, list) else [node])]

    def _parse_object(self, node: Element) -> dict[str, Any]:
        parsed: dict[str, Any] = {}
        for field in node:
            name = field.tag.rpartition("}")[2]  # without the namespace
            if name in _TEXTS:
                parsed[name] = field.text or ""
            elif name == "Size":
                parsed[name] = int(field.text or "")
            elif name == "LastModified":
                parsed[name] = self._timestamp_parser(field.text or "")
        return parsed


class ListingParserFactory(ResponseParserFactory):
    """Makes botocore's parsers, and `ListingParser` for the protocol of S3."""

    def create_parser(self, protocol_name: str) -> Any:
        return ListingParser(**self._defaults) if protocol_name == "rest-xml" else super().create_parser(protocol_name)
