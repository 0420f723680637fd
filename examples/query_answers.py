"""Read a night's answers with SQL (DuckDB) and with pandas.

    python -m pip install duckdb
    python examples/query_answers.py var/store/tagged/<day>

Takes a published day in its store, whose manifest names the parts that hold its tables, or a folder with
`entities.parquet` and `documents.parquet`, as `nightly-ner convert --answers DIR --to parquet --output DIR` makes it. Every
day has the same columns, so the files of a year can be read as one table.
"""

import argparse
import json
from pathlib import Path

import duckdb
import pandas as pd

MENTIONS = """
    SELECT label, text, count(*) AS n, count(DISTINCT document) AS n_documents, round(avg(score), 3) AS mean_score
    FROM read_parquet($entities)
    WHERE score >= $min_score
    GROUP BY label, text
    ORDER BY n DESC, label, text
    LIMIT 10
"""


def find_parts(folder: Path) -> list[Path]:
    """Return the folders that hold the tables: those that the day's manifest names, else the folder itself."""
    manifest = folder / "manifest.json"
    parts = json.loads(manifest.read_text(encoding="utf-8")).get("parts") if manifest.is_file() else None
    # keys are relative to the store, which has the day as tagged/<day>
    return [folder] if parts is None else [folder.resolve().parents[1] / part["key"] for part in parts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a published day, or a folder with its two tables")
    parser.add_argument("--min_score", type=float, default=0.5, help="least confidence, 0 to 1 (default: %(default)s)")
    args = parser.parse_args()

    parts = find_parts(args.folder)
    print("Most frequent mentions (DuckDB)")
    parameters = {"entities": [str(part / "entities.parquet") for part in parts], "min_score": args.min_score}
    for row in duckdb.execute(MENTIONS, parameters).fetchall():
        print("  ", *row)

    print("Documents by format (pandas)")
    documents = pd.concat(pd.read_parquet(part / "documents.parquet") for part in parts)
    by_format = documents.groupby("format").agg(
        n_documents=("document", "size"), n_entities=("n_entities", "sum"), read_share=("read_share", "mean")
    )
    print(by_format.to_string())


if __name__ == "__main__":
    main()
