"""Files of office programs: OOXML, OpenDocument, and the binary formats before them."""
