"""Tag every document of a folder from Python, and print each entity with its characters.

    python examples/tag_folder.py var/store/models/<version>/int8 sample/inbox

Any model folder works: trained, frozen or INT8. Documents are read in this process; for documents that you do not trust,
use `nightly-ner tag`, which reads them in a sandbox.
"""

import argparse
from pathlib import Path

from ner_tasks import Tagger
from ner_tasks.documents import Document, Ignored, read_documents


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="a model folder")
    parser.add_argument("folder", type=Path, help="a folder of documents of any format that is read")
    args = parser.parse_args()

    tagger = Tagger.load(args.model)
    for path in sorted(path for path in args.folder.rglob("*") if path.is_file()):
        # A file may hold several documents: an archive, a mail with attachments, a table.
        for document in read_documents(path, str(path.relative_to(args.folder))):
            if isinstance(document, Document):
                (entities,) = tagger.find_entities([document.text])
                print(f"{document.name}: {len(entities)} entities")
                for entity in entities:
                    print(f"  [{entity.start}, {entity.end}) {entity.label} {entity.text!r} {entity.score:.2f}")
            elif not isinstance(document, Ignored):
                print(f"{document.document}: rejected, {document.message}")


if __name__ == "__main__":
    main()
