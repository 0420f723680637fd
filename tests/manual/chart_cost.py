"""Compare the pages' own SVG with that of matplotlib: start, memory, time and size of a page of charts.

    python -m tests.manual.chart_cost [--charts 9] [--values 31]

Each way runs in a process of its own: imports, then draws the charts ten times. Prints the time and memory of the import,
the median time of a page, its size, and the number of style attributes, which the policy of the pages blocks. Not part of
the test suite.
"""

import argparse
import io
import json
import random
import resource
import statistics
import subprocess
import sys
import time

WAYS = ("template", "matplotlib")
N_ROUNDS = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--charts", type=int, default=9)
    parser.add_argument("--values", type=int, default=31)
    parser.add_argument("--way", choices=WAYS)
    args = parser.parse_args()
    if args.way:
        print(json.dumps(measure(args.way, args.charts, args.values)))
        return 0
    for way in WAYS:
        words = [sys.executable, "-m", "tests.manual.chart_cost", "--way", way]
        words += ["--charts", str(args.charts), "--values", str(args.values)]
        found = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
        print(way, ", ".join(f"{name} {value}" for name, value in found.items()))
    return 0


def measure(way: str, n_charts: int, n_values: int) -> dict[str, float]:
    import jinja2  # noqa: F401 - both ways have it: the pages are templates

    from ner_tasks.dashboard import charts  # noqa: F401 - and so are the data

    before_mib, began = resident_mib(), time.perf_counter()
    draw = (by_template if way == "template" else by_matplotlib)()
    import_s, import_mib = time.perf_counter() - began, resident_mib() - before_mib
    rng = random.Random(0)
    values = [[rng.uniform(0.7, 0.9) for _ in range(n_values)] for _ in range(n_charts)]
    times, page = [], ""
    for _ in range(N_ROUNDS):
        began = time.perf_counter()
        page = draw(values)
        times.append(time.perf_counter() - began)
    return {
        "import_ms": round(1000 * import_s),
        "import_mib": round(import_mib, 1),
        "first_page_ms": round(1000 * times[0]),
        "page_ms": round(1000 * statistics.median(times[1:])),
        "mib": round(resident_mib() - before_mib, 1),
        "kib": round(len(page) / 1024),
        "n_styles": page.count("style="),
    }


def resident_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def by_template():  # type: ignore[no-untyped-def]
    from ner_airflow.pages.charts import draw_charts
    from ner_airflow.pages.templates import _environment
    from ner_tasks.dashboard.charts import Chart, Series

    template = _environment().get_template("charts.html.jinja")

    def draw(values: list[list[float]]) -> str:
        places = tuple(str(index) for index in range(len(values[0])))
        charts = [Chart(f"c{n}", places, (Series("F1", tuple(one)),), digits=4) for n, one in enumerate(values)]
        return str(template.module.panels(draw_charts(charts), "c"))

    return draw


def by_matplotlib():  # type: ignore[no-untyped-def]
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    def draw(values: list[list[float]]) -> str:
        pages = []
        for one in values:
            figure = Figure(figsize=(3.2, 1.5), layout="constrained")
            figure.subplots().plot(range(len(one)), one, marker="o")
            file = io.StringIO()
            with rc_context({"svg.fonttype": "none"}):
                figure.savefig(file, format="svg")
            pages.append(file.getvalue())
        return "".join(pages)

    return draw


if __name__ == "__main__":
    sys.exit(main())
