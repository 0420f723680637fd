"""Marked-up text: HTML, RTF, EPUB, SVG, XML."""
