"""Charts as SVG: whatever the values and names are, the drawing is sound, bounded, and says what it shows."""

import math
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ner_airflow.pages import charts as drawing
from ner_airflow.pages import templates
from ner_airflow.pages.axis import Axis, format_value
from ner_airflow.pages.charts import HEIGHT, MAX_MARKED, WIDTH, draw_charts
from ner_tasks.dashboard.charts import Band, Chart, Series, VerticalLine, clean_values

SVG = "{http://www.w3.org/2000/svg}"
CSS = Path(drawing.__file__).parent / "static" / "pages.css"
HOSTILE = "</title></svg><script>alert(1)</script>\"onload='x' {{ 7*7 }} \u202e\x00"
# what XML forbids in a text that HTML allows
NAMES = st.text(st.characters(exclude_characters="\ufffe\uffff"), max_size=300) | st.just(HOSTILE)
VALUES = st.none() | st.floats() | st.floats(0, 1) | st.integers(0, 10**6) | st.just(1e15)


@st.composite
def charts(draw):
    n = draw(st.integers(0, 12) | st.sampled_from([MAX_MARKED, MAX_MARKED + 1, 400]))
    listed = st.lists(VALUES, min_size=n, max_size=n).map(clean_values)
    places = tuple(draw(st.lists(NAMES, min_size=n, max_size=n)) if n < 20 else map(str, range(n)))
    unusual = frozenset(draw(st.sets(st.integers(0, n - 1), max_size=4))) if n else frozenset()
    first = Series(draw(NAMES), draw(listed), unusual)
    series = draw(
        st.sampled_from([(first,), (first, Series(draw(NAMES), draw(listed), is_marked=draw(st.booleans())))])
    )
    bounds = draw(st.sampled_from([None, (0.0, 1.0)]))
    return Chart(
        draw(NAMES),
        places,
        series,
        band=draw(st.none() | st.builds(Band, NAMES, listed, listed)) if len(series) > 1 else None,
        rules=tuple(draw(st.lists(st.builds(VerticalLine, st.floats(-0.5, max(n - 0.5, 0)), NAMES), max_size=3))),
        is_bars=draw(st.booleans()),
        is_label=draw(st.booleans()),
        unit=draw(st.sampled_from(["", "documents"])),
        digits=draw(st.sampled_from([0, 2, 4])),
        bounds=bounds,
        least_span=draw(st.sampled_from([0.0, 0.05, *([None] if bounds else [])])),
    )


def write(*made, macro="panels", **given):
    module = templates._environment().get_template("charts.html.jinja").module
    if macro == "panels":
        given = {"id": "x", **given}
    return str(getattr(module, macro)(draw_charts(made), **given))


def parse(text):
    return ElementTree.fromstring(re.sub(r"<svg ", f'<svg xmlns="{SVG[1:-1]}" ', text).replace("&nbsp;", " "))


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", text)]


@settings(max_examples=80, deadline=None)
@given(charts())
def test_every_chart_is_sound_bounded_and_carries_neither_style_nor_script(chart):
    root = parse(write(chart))
    tags = {one.tag.removeprefix(SVG) for one in root.iter()}
    known = {
        "div",
        "figure",
        "figcaption",
        "span",
        "bdi",
        "strong",
        "p",
        "svg",
        "title",
        "desc",
        "polygon",
        "g",
        "line",
    }
    assert tags <= known | {"text", "rect", "polyline", "path"}
    allowed = {"class", "id", "viewBox", "role", "aria-labelledby", "points", "x", "y", "x1", "x2", "y1", "y2", "d"}
    assert {name for one in root.iter() for name in one.attrib} <= allowed | {
        "width",
        "height",
        "text-anchor",
        "transform",
    }
    for one in root.iter():
        for name, most in (("x", WIDTH), ("x1", WIDTH), ("x2", WIDTH), ("y", HEIGHT), ("y1", HEIGHT), ("y2", HEIGHT)):
            if name in one.attrib:
                assert 0 <= float(one.attrib[name]) <= most, (one.tag, one.attrib)
        if "points" in one.attrib:
            pairs = [numbers(pair) for pair in one.attrib["points"].split()]
            assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in pairs)
        if one.tag == f"{SVG}rect":
            assert float(one.attrib["height"]) > 0 and float(one.attrib["width"]) > 0


@settings(max_examples=60, deadline=None)
@given(charts())
def test_every_picture_has_a_role_a_title_and_a_description(chart):
    (picture,) = [one for one in parse(write(chart)).iter() if one.tag == f"{SVG}svg"]
    named = {one.attrib["id"]: one for one in picture if "id" in one.attrib}
    assert picture.attrib["role"] == "img"
    title, desc = picture.attrib["aria-labelledby"].split()
    assert named[title].tag == f"{SVG}title" and named[desc].tag == f"{SVG}desc" and named[desc].text
    texts = [one.text or "" for one in picture.iter()]
    assert all(len(text) < 1200 and "\u202e" not in text and "\x00" not in text for text in texts)


@settings(max_examples=80, deadline=None)
@given(charts())
def test_ticks_ascend_and_no_two_read_alike(chart):
    axis = Axis.fit(chart)
    values, texts = [value for value, _ in axis.ticks], [text for _, text in axis.ticks]
    assert axis.low < axis.high and 2 <= len(values) <= 12
    assert values == sorted(set(values)) and len(set(texts)) == len(texts)
    assert all(math.isfinite(value) and len(text) <= 12 for value, text in axis.ticks)


@settings(max_examples=60, deadline=None)
@given(charts())
def test_each_value_is_drawn_once_and_a_missing_one_not_at_all(chart):
    (drawn,) = draw_charts([chart])
    n_known = sum(value is not None for value in chart.series[0].values)
    if chart.is_bars:
        assert len(drawn.bars) == n_known
    elif len(chart.places) <= MAX_MARKED:
        marked = [one for one in chart.series if one.is_marked]
        n_marked = sum(value is not None for one in marked for value in one.values)
        assert n_marked <= len(drawn.marks) <= sum(value is not None for one in chart.series for value in one.values)
    else:
        in_lines = sum(len(points.split()) for points in drawn.lines[0])
        values = [None, *chart.series[0].values, None]
        alone = sum(
            two is not None and one is three is None
            for one, two, three in zip(values, values[1:], values[2:], strict=False)
        )
        assert in_lines + alone == n_known


@settings(max_examples=50, deadline=None)
@given(charts())
def test_the_table_has_every_value_of_the_chart_newest_first(chart):
    (table,) = [
        one for one in parse(write(chart, macro="chart_table", head="Day", most=500)).iter() if one.tag == "tbody"
    ]
    cells = [["".join(cell.itertext()).strip() for cell in row][1:] for row in table]
    shown = [cell[0].split(" usual")[0].removesuffix("unusual").strip() for cell in cells]
    assert shown == [
        "–" if value is None else format_value(value, chart.digits) for value in reversed(chart.series[0].values)
    ]


def line(values, **said):
    return Chart("c", tuple(map(str, range(len(values)))), (Series("s", clean_values(values)),), **said)


@pytest.mark.parametrize("n", [0, 1, 2, 400])
def test_a_chart_of_few_or_many_places_stays_small(n):
    for is_bars in (False, True):
        text = write(line([0.5] * n, is_bars=is_bars, digits=4))
        assert len(text) < 2000 + 160 * n
        assert ("No values" in text) == (n == 0)


def test_missing_values_break_the_line_and_a_value_between_them_is_marked():
    (drawn,) = draw_charts([line([1, 2, None, 3, math.nan, 4, 5, *[None] * 60])])
    assert [len(points.split()) for points in drawn.lines[0]] == [2, 2]
    assert [mark.text for mark in drawn.marks] == ["3: s 3"], "too many places for marks, but no line shows this one"
    assert "62 missing" in drawn.description


def test_a_huge_value_is_cut_at_the_axis_and_said_so_that_the_others_can_be_read():
    values = [100, 120, 90, 4_000_000, 110, 95]
    (drawn,) = draw_charts([line(values, is_bars=True)])
    heights = [bar.height for bar in drawn.bars]
    assert min(heights) > 50 and max(heights) < 120
    assert drawn.beyond == ["3 4\u202f000\u202f000"] and [mark.shape for mark in drawn.marks] == ["beyond"]
    assert "beyond the axis" in write(line(values, is_bars=True))
    assert draw_charts([line([*values[:3], 400], is_bars=True)])[0].beyond == [], "a tall bar is no outlier"


def test_a_bar_of_zero_is_seen_and_a_missing_one_is_not():
    (drawn,) = draw_charts([line([0, None, 8], is_bars=True)])
    assert [bar.height for bar in drawn.bars] == [1.0, 116.0]


def test_an_axis_of_a_share_ends_at_one_and_does_not_make_noise_large():
    axis = Axis.fit(line([0.991, 0.993, 0.992], digits=4, bounds=(0.0, 1.0), least_span=0.05))
    assert axis.high == 1.0 and axis.high - axis.low >= 0.04
    assert Axis.fit(line([0.5], digits=4, bounds=(0.0, 1.0), least_span=None)).ticks[-1] == (1.0, "1.0")


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0], ["0", "1"]),
        ([3], ["0", "1", "2", "3"]),
        ([950, 1200], ["0", "500", "1000", "1500"]),
        ([40_000], ["0", "10k", "20k", "30k", "40k"]),
        ([3_600_000], ["0", "1M", "2M", "3M", "4M"]),
    ],
)
def test_ticks_are_round_and_short(values, texts):
    assert [text for _, text in Axis.fit(line(values, is_bars=True)).ticks] == texts


def test_an_unusual_value_differs_by_its_shape_and_in_words():
    series = Series("found", (1.0, 9.0), frozenset({1})), Series("usual", (1.0, 1.0), is_marked=False)
    chart = Chart("c", ("a", "b"), series, band=Band("expected", (0.0, 0.0), (2.0, 2.0)))
    (drawn,) = draw_charts([chart])
    assert [mark.shape for mark in drawn.marks] == ["first", "unusual"]
    assert drawn.marks[-1].text == "b: found 9, expected 0 to 2, unusual"
    assert "Unusual: b." in drawn.description
    assert "<strong>unusual</strong>" in write(chart, macro="chart_table", head="Day")


def test_two_series_differ_by_more_than_colour():
    css = CSS.read_text()
    assert re.search(r"\.second polyline \{[^}]*stroke-dasharray", css)
    assert not re.search(r"\.first polyline \{[^}]*stroke-dasharray", css)
    shapes = re.findall(r'"(\w+)": "(M[^"]*)"', (CSS.parents[1] / "html" / "charts.html.jinja").read_text())
    assert len({path for _, path in shapes}) == len(shapes) == 4


def luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_texts_and_shapes_have_the_contrast_that_wcag_asks_for(theme):
    css = CSS.read_text()
    colours = {name: pair[theme] for name, *pair in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", css)}
    for name, least in {"ink": 7, "quiet": 4.5, "accent": 4.5, "attention": 4.5}.items():
        assert contrast(colours[name], colours["paper"]) >= least, name
    for name in ("first", "second", "unusual", "band-edge", "line"):
        assert contrast(colours[name], colours["paper"]) >= 3, name
    for name in ("first", "second", "unusual"):
        assert contrast(colours[name], colours["band"]) >= 3, f"{name} on the band"
    badges = re.findall(r"background: light-dark\((#\w{6}), (#\w{6})\); color: light-dark\((#\w{6}), (#\w{6})\)", css)
    assert len(badges) == 4
    for badge in badges:
        assert contrast(badge[theme], badge[2 + theme]) >= 4.5
