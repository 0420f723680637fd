"""HTML is read as a browser displays it: no visible text is lost or joined, hidden content is counted."""

import base64
from urllib.parse import quote

import pytest

from ner_tasks.documents import CannotRead, Limits
from ner_tasks.documents.readers.markup import html
from tests.growth import growth
from tests.hostile import png


def shown(markup: str) -> str:
    return html.extract_text(markup)


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>Rosa <b>Delgado</b> of <i>Re</i>no</p>", "Rosa Delgado of Reno"),
        ("<p>Rosa\n   Delgado</p>", "Rosa Delgado"),
        ("<div>Rosa</div><div>Reno</div>", "Rosa\nReno"),
        ("<p>Rosa<p>Reno", "Rosa\n\nReno"),
        ("Rosa<br>Reno<hr>Tampa", "Rosa\nReno\n\nTampa"),
        ("<ul><li>Rosa<li>Reno</ul>", "Rosa\nReno"),
        ("<dl><dt>City</dt><dd>Reno</dd></dl>", "City\nReno"),
        ("<span style='display:block'>Rosa</span><span style='display: block'>Reno</span>", "Rosa\nReno"),
        ("<span>Rosa</span><span style='display:inline-block'>Reno</span>", "Rosa Reno"),
        ("<div><p>Rosa</p>Reno<p>Tampa</p></div>", "Rosa\n\nReno\n\nTampa"),
        ("<pre>a  b\n  c</pre>", "a  b\n  c"),
        ("<div style='white-space:pre-wrap'>a  b\nc</div>", "a  b\nc"),
        ("Key<wbr>stone Spring&shy;field", "Keystone Springfield"),
        ("<details><summary>More</summary>Rosa</details>", "More\nRosa"),
        ("<noscript>Rosa</noscript>", "Rosa"),
        ("<ruby>漢字<rt>かんじ</rt></ruby>", "漢字(かんじ)"),
        ("<ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp></ruby>", "漢(かん)"),
        ("paid<sup>1</sup> H<sub>2</sub>O 1<sup>st</sup>", "paid 1 H2O 1st"),
        ("&#146;s &#x80;50 &eacute; &nbsp;x", "’s €50 é \u00a0x"),
        ("<math><mi>x</mi><mo>=</mo><mn>1</mn></math>", "x=1"),
        ("<svg><title>Chart</title><text>Rosa</text><text>Reno</text></svg>", "Chart\nRosa\nReno"),
        ("<img alt='Keystone Health' src=x.png>paid", "Keystone Health paid"),
        ("a < b and 1 <2", "a < b and 1 <2"),
        ("<x-own>Rosa</x-own> <o:p>Reno</o:p>", "Rosa Reno"),
    ],
)
def test_blocks_stand_on_their_lines_and_words_stay_whole(markup, text):
    assert shown(markup) == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<tr><td>Rosa</td><td>Reno</td></tr>", "Rosa\tReno"),
        ("<tr></tr><tr><td>Rosa<td>Reno", "Rosa\tReno"),
        ("<caption>Paid</caption><thead><tr><th>Town</thead><tr><td>Reno", "Paid\nTown\nReno"),
        ("<tr><td rowspan=2>Rosa</td><td>Reno</td></tr><tr><td>Tampa", "Rosa\tReno\nTampa"),
        ("<tr><td>Rosa<br>Reno</td><td>Ann<br>Tampa</td></tr>", "Rosa\nReno\nAnn\nTampa"),
        ("<tr><td></td><td>Rosa</td><td></td><td>Reno</td></tr>", "Rosa\t\tReno"),
        ("<tr><td><table><tr><td>Rosa</td><td>Reno</td></tr></table></td><td>Ann</td></tr>", "Rosa\tReno\tAnn"),
        ("Rosa<tr>Ann<td>Reno</td></tr>", "Rosa Ann\n\nReno"),
    ],
)
def test_rows_are_lines_and_cells_are_separated_by_tabs(markup, text):
    assert shown(f"<table>{markup}</table>") == text


def test_cells_without_a_table_are_not_glued():
    assert shown("<div><td>Rosa</td><td>Reno</td></div>").split() == ["Rosa", "Reno"]


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<body>Rosa</body></html>Reno<html><body>Tampa</html>", "Rosa\nReno\nTampa"),
        ("<p>Rosa<plaintext><b>Reno</b>", "Rosa\n\n<b>Reno</b>"),
        ("<p>Rosa <b>Delgado<p>of Reno", "Rosa Delgado\n\nof Reno"),
        ("Rosa <![CDATA[of <Reno>]]> paid", "Rosa of <Reno> paid"),
        ("<![if !mso]><p>Rosa</p><![endif]><!--[if !mso]><!--><p>Reno</p><!--<![endif]-->", "Rosa\n\nReno"),
        ("<title>Rosa", "Rosa"),
        ("<style>p {} <p>Rosa", "p {}\n\nRosa"),
        ("Rosa<!-- Reno", "Rosa Reno"),
        ("Rosa <b Reno", "Rosa <b Reno"),
        ('<p title="a > b">Rosa</p>', "Rosa"),
        ("<p don't>Rosa</p><p>it's", "Rosa\n\nit's"),
        ("<frameset><frame src=a><noframes><p>Rosa</p></noframes></frameset>", "Rosa"),
        ("<xmp><b>Rosa</b></xmp>", "<b>Rosa</b>"),
        ("<?xml version='1.0'?><html xmlns='x'><title/><script src='a'/><body><div/>Rosa<a/>", "Rosa"),
    ],
)
def test_broken_markup_loses_nothing(markup, text):
    assert shown(markup) == text


def test_a_title_is_read_where_the_page_does_not_show_it():
    assert shown("<title>Claim 7</title><p>Rosa") == "Claim 7\n\nRosa"
    assert shown("<title>Rosa</title><h1>Rosa</h1>") == "Rosa"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ('<label>Name</label><input value="Rosa"> of', "Name Rosa of"),
        ("<textarea>\nRosa\nReno</textarea>", "Rosa\nReno"),
        ("<select><option>one<option selected>Rosa<option>two</select>", "Rosa"),
        ("<select><option>Rosa</option><option>two</option></select>", "Rosa"),
        ("<select multiple><option>one<option>two</select>", "one\ntwo"),
        ("<input type=checkbox checked>Paid<input type=radio>Not", "[x] Paid [ ] Not"),
        ('<input placeholder="Your name">', "Your name"),
        ("<input type=submit value=Send><button>Stop</button>", "Send Stop"),
    ],
)
def test_a_form_is_read_as_it_is_filled_in(markup, text):
    assert shown(markup) == text


@pytest.mark.parametrize(
    ("markup", "rule"),
    [
        ("<script>f('<p>')</script>", "script"),
        ("<style>p {}</style>", "style"),
        ("<template>secret</template>", "template"),
        ("<!-- secret -->", "comment"),
        ("<!--[if mso]><p>secret</p><![endif]-->", "mso-conditional"),
        ("<div style='display:none;max-height:0'>secret</div>", "hidden-element"),
        ("<div style='DISPLAY: none !important'>secret</div>", "hidden-element"),
        ("<span hidden>secret</span>", "hidden-element"),
        ("<div style='visibility:hidden'>secret</div>", "hidden-element"),
        ("<div style='opacity:0'>secret</div>", "hidden-element"),
        ("<div style='max-height:0px;overflow:hidden'>secret</div>", "hidden-element"),
        ("<input type=hidden value=secret>", "hidden-input"),
        ("<input type=password value=secret>", "hidden-input"),
        ("<select><option selected>a<option>secret</select>", "unselected-option"),
        ("<datalist><option>secret</datalist>", "unselected-option"),
        ("<math><mi>x</mi><annotation>secret</annotation></math>", "math-annotation"),
        ("<img src='http://example.org/secret.png'>", "linked-picture"),
        ("<iframe src='http://example.org/secret'></iframe>", "linked-file"),
    ],
)
def test_invisible_content_is_counted_by_rule(markup, rule):
    extract = html.read(f"<p>Rosa</p>{markup}".encode(), Limits())
    assert "secret" not in extract.text
    assert extract.items.ignored[rule] >= 1
    assert extract.items.add_up()


def test_what_is_visible_within_the_invisible_is_read():
    assert shown("<div style='visibility:hidden'>no<b style='visibility:visible'>Rosa</b>no</div>") == "Rosa"


def test_files_in_links_become_documents_of_their_own():
    page = f"<p>Rosa<a href='data:text/plain,hello%20Reno' download='n.txt'>x</a><img src='data:image/svg+xml,{quote('<svg><text>Tampa</text></svg>')}'>"
    parts = html.read(page.encode(), Limits()).parts
    assert [(part.name, part.content) for part in parts] == [
        ("link 1 n.txt", b"hello Reno"),
        ("img 2.svg", b"<svg><text>Tampa</text></svg>"),
    ]


def test_a_picture_in_a_link_is_named_and_a_tiny_one_is_ignored():
    large, tiny = (base64.b64encode(png(*size)).decode() for size in ((200, 100), (1, 1)))
    extract = html.read(
        f"Rosa<img src='data:image/png;base64,{large}'><img src='data:image/png;base64,{tiny}'>".encode(), Limits()
    )
    assert extract.items.unread == ("img 1.png: a picture; OCR is switched off",)
    assert extract.items.ignored["tiny-picture"] == 1


def test_a_damaged_link_is_named():
    extract = html.read(b"Rosa<a href='data:application/pdf;base64,!!!'>x</a>", Limits())
    assert extract.items.unread[0].startswith("link 1: ")


def test_pages_inside_pages_are_read_and_their_depth_is_bounded():
    assert shown("<iframe srcdoc='&lt;p&gt;Rosa&lt;/p&gt;'></iframe>Reno").split() == ["Rosa", "Reno"]
    inner = "Rosa"
    for _ in range(10):
        inner = f'<iframe srcdoc="{inner.replace("&", "&amp;").replace(chr(34), "&quot;")}"></iframe>'
    assert "Rosa" in shown(inner)


@pytest.mark.parametrize(
    ("data", "declared", "encoding"),
    [
        ('<meta charset="windows-1251"><p>Иван Петров'.encode("cp1251"), "", "cp1251"),
        (
            "<meta http-equiv=Content-Type content='text/html; charset=koi8-r'><p>Иван Петров".encode("koi8-r"),
            "",
            "koi8-r",
        ),
        (
            '<?xml version="1.0" encoding="KOI8-R"?><html xmlns="x"><p>Иван Петров</p></html>'.encode("koi8-r"),
            "",
            "koi8-r",
        ),
        ('<meta charset="iso-8859-1"><p>Иван Петров'.encode("cp1251"), "windows-1251", "cp1251"),
        ('<meta charset="windows-1251"><p>Иван Петров'.encode("cp1251"), "us-ascii", "cp1251"),
        ('<meta charset="utf-16"><p>Иван Петров'.encode(), "", "utf-8"),
        ("<p>Иван Петров".encode("utf-16-le"), "", "utf-16-le"),
        ('<meta charset="iso-2022-jp"><p>Иван Петров'.encode("iso2022_jp"), "", "iso2022_jp"),
    ],
)
def test_a_page_is_decoded_by_what_is_around_it_then_by_what_it_declares(data, declared, encoding):
    extract = html.read(data, Limits(), declared)
    assert "Иван Петров" in extract.text
    assert extract.encoding == encoding


HOSTILE = {
    "nested": lambda n: "<div>" * n + "Rosa",
    "unclosed fonts": lambda n: "".join(f"<p><font style='color:{i}'>x" for i in range(n)) + "Rosa",
    "options": lambda n: "<select>" + "<option selected>x" * n + "Rosa",
    "tables": lambda n: "<table><tr><td>" * n + "Rosa",
    "comments": lambda n: "<!--" * n + "Rosa",
    "scripts": lambda n: "<script>" * n + "Rosa",
    "attributes": lambda n: "<div " + " ".join(f"a{i}=1" for i in range(n)) + ">Rosa",
    "quotes": lambda n: "<a b='\"" * n + "Rosa",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_time_grows_linearly_with_the_markup(kind):
    def read(n: int) -> None:
        assert "Rosa" in shown(HOSTILE[kind](n))

    # Eight times the markup; a quadratic step would take 64 times as long.
    assert growth(read, 5_000, 40_000) < 32


def test_an_empty_page_has_no_text():
    assert shown("") == shown("<!-- x -->") == shown("<html><script>f()</script></html>") == ""
    with pytest.raises(CannotRead):
        html.decode(b"\0\1\2" * 100)
