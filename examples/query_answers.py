"""Read a night's answers with SQL (DuckDB) and with pandas.

    python -m pip install duckdb
    python examples/query_answers.py var/store/tagged/<day>

Takes a folder with `entities.parquet` and `documents.parquet`: a published day, or what
`nightly-ner convert --answers DIR --to parquet --output DIR` makes. Every day has the same columns, so a pattern such as
`tagged/*/entities.parquet` reads a year as one table.
"""

import argparse
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="has entities.parquet and documents.parquet")
    parser.add_argument("--min_score", type=float, default=0.5, help="least confidence, 0 to 1 (default: %(default)s)")
    args = parser.parse_args()

    print("Most frequent mentions (DuckDB)")
    parameters = {"entities": str(args.folder / "entities.parquet"), "min_score": args.min_score}
    for row in duckdb.execute(MENTIONS, parameters).fetchall():
        print("  ", *row)

    print("Documents by format (pandas)")
    documents = pd.read_parquet(args.folder / "documents.parquet")
    by_format = documents.groupby("format").agg(
        n_documents=("document", "size"), n_entities=("n_entities", "sum"), read_share=("read_share", "mean")
    )
    print(by_format.to_string())


if __name__ == "__main__":
    main()
