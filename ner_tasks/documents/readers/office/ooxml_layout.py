"""Assemble nested paragraphs, tables and text boxes of office files into blocks of text."""

import re
from typing import Any

# Marks an item without text; becomes a space if it is all that separates two words.
SOFT = "\0"
_BETWEEN_WORDS = re.compile(r"(?<=\w)\0+(?=\w)")

PARAGRAPH, FLOW, CELL, ROW = "paragraph", "flow", "cell", "row"


class _Frame:
    """An open paragraph, table row, or flow of blocks such as a body, a cell or a text box."""

    __slots__ = ("blocks", "carried", "element", "is_joined", "kind", "n_written", "pieces")

    def __init__(self, kind: str, element: Any):
        self.kind, self.element = kind, element
        self.pieces: list[str] = []  # text of the current paragraph
        self.blocks: list[str] = []  # finished blocks: text boxes of a paragraph, cells of a row
        self.carried: list[str] = []  # text of a paragraph that continues in the next one
        self.is_joined = False
        self.n_written = 0  # pieces up to the last one that is not blank


def join_pieces(pieces: list[str]) -> str:
    """Join the pieces of a paragraph and resolve its soft marks."""
    text = "".join(pieces)
    return _BETWEEN_WORDS.sub(" ", text).replace(SOFT, "") if SOFT in text else text


class OoxmlLayout:
    """Assembles blocks of text from the events of a walk over an XML tree."""

    def __init__(self) -> None:
        self._frames = [_Frame(FLOW, None)]

    def open(self, kind: str, element: Any) -> None:
        """Open a paragraph, row, cell or flow; `close` with the same element ends it."""
        frame = _Frame(kind, element)
        around = self._frames[-1]
        if kind == PARAGRAPH and around.carried:
            frame.pieces, around.carried = around.carried, []
            frame.n_written = len(frame.pieces)
        self._frames.append(frame)

    def close(self, element: Any) -> None:
        """Close the frame that the element opened, if any."""
        if len(self._frames) == 1 or self._frames[-1].element is not element:
            return
        frame = self._frames.pop()
        around = self._frames[-1]
        if frame.kind == PARAGRAPH and frame.is_joined and around.kind in (FLOW, CELL) and not frame.blocks:
            self._flush(around)
            around.carried = frame.pieces
            return
        self.add_blocks(self._take_blocks(frame), keep_blank=frame.kind == CELL and around.kind == ROW)

    def join_next(self) -> None:
        """Join the open paragraph with the next one, because the mark between them is deleted."""
        self._frames[-1].is_joined = True

    def write(self, text: str) -> None:
        """Add text to the innermost open frame."""
        frame = self._frames[-1]
        if frame.carried:
            self._flush(frame)
        frame.pieces.append(text)
        if text.strip(SOFT + " "):
            frame.n_written = len(frame.pieces)

    def add_blocks(self, blocks: list[str], *, keep_blank: bool = False) -> None:
        """Add finished blocks: to a flow in order, to a paragraph after its text."""
        frame = self._frames[-1]
        if frame.kind in (FLOW, CELL):
            self._flush(frame)
        frame.blocks.extend(block for block in blocks if keep_blank or block.strip())

    @property
    def is_in_paragraph(self) -> bool:
        """Whether the innermost open frame is a paragraph."""
        return self._frames[-1].kind == PARAGRAPH

    def mark(self) -> tuple[object, int]:
        """Return the current position, for `has_written_since`."""
        frame = self._frames[-1]
        return frame, len(frame.pieces)

    def has_written_since(self, mark: tuple[object, int]) -> bool:
        """Whether text was written since the mark, or another paragraph is open."""
        frame, n_pieces = mark
        here = self._frames[-1]
        return here is not frame or here.n_written > n_pieces

    def finish(self) -> list[str]:
        """Close all open frames, as a damaged file may leave some, and return all blocks."""
        while len(self._frames) > 1:
            self.close(self._frames[-1].element)
        return self._take_blocks(self._frames[0])

    def _flush(self, frame: _Frame) -> None:
        for pieces in (frame.carried, frame.pieces):
            if pieces and (text := join_pieces(pieces).strip()):
                frame.blocks.append(text)
        frame.carried, frame.pieces, frame.n_written = [], [], 0

    def _take_blocks(self, frame: _Frame) -> list[str]:
        if frame.kind == PARAGRAPH:
            return [join_pieces(frame.pieces).strip(), *frame.blocks]
        if frame.kind == ROW:
            return ["\t".join(frame.blocks).strip()]
        self._flush(frame)
        return ["\n".join(frame.blocks)] if frame.kind == CELL else frame.blocks
