"""A made-up benchmark report."""

HOST = {"cpu": "AMD EPYC (R) 7763", "n_cpus": 4, "n_threads": 2, "vnni": True, "bf16": False, "python": "3.11.9"}


def report(day=21, *, host=HOST, sha="a", n_sentences=64, changes=(), **words_per_s):
    """A run of a day in November 2026; `stock=100` or `int8_32=250` gives an engine's words/s at a batch size."""
    engines = {"stock": "stock FP32", "onednn": "oneDNN FP32", "int8": "INT8"}
    rows = []
    for name, speed in words_per_s.items():
        engine, _, size = name.partition("_")
        rows.append(
            {
                "engine": engines[engine],
                "batch_size": int(size or 32),
                "words_per_s": float(speed),
                "words_per_s_min": speed * 0.9,
                "words_per_s_max": speed * 1.1,
                "p50_ms": 1.0,
                "p95_ms": 2.0,
                "p99_ms": 3.0,
                "n_calls_timed": 6,
                "f1": 0.9,
            }
        )
    return {
        "at": f"2026-11-{day:02d}T03:00:00.000000+00:00",
        "host": host,
        "data": "test.csv",
        "data_sha256": sha,
        "n_sentences": n_sentences,
        "rounds": 3,
        "rows": rows,
        "changes": list(changes),
    }
