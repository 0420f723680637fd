"""Default names that programs give to sheets and documents."""

import re

# Default sheet names without their number, in the languages of the programs.
_SHEETS = (
    *("sheet", "worksheet", "table", "page", "chart", "macro", "module", "dialog", "dialogue"),
    *("tabelle", "blatt", "diagramm", "makro", "modul", "feuil", "feuille", "graph", "graphique", "hoja", "gráfico"),
    *("foglio", "grafico", "folha", "planilha", "plan", "blad", "werkblad", "grafiek", "ark", "kalkylblad"),
    *("taul", "taulukko", "arkusz", "wykres", "list", "hárok", "munka", "munkalap", "foaie", "sayfa", "grafik"),
    *("full", "folla", "orria", "lapas", "lakštas", "leht", "trang tính", "trang_tính", "φύλλο", "лист", "аркуш"),
    *("диаграмма", "גיליון", "ورقة", "工作表", "图表", "圖表", "シート", "グラフ", "시트", "แผ่นงาน", "แผ่น"),
)
# With a number, perhaps as a copy; without a number as some libraries write it.
_SHEET = re.compile(rf"(?:(?:{'|'.join(map(re.escape, _SHEETS))})[ _]?\d+|sheet|worksheet)(?: ?\(\d+\))*")
_DOCUMENT = re.compile(
    r"(?:untitled|unbenannt|sans titre|sin título|senza titolo|sem título|без названия)(?:[ -]?(?:document|\d+))*"
    r"|(?:presentation|spreadsheet|unspecified|anonymous|unknown|unbekannt|none|null|template|no title|title|subject|keywords|description)"
    r"|(?:new |neues )?(?:microsoft )?(?:word|excel|office )?[ -]?(?:document|dokument|documento)[ ]?\d*(?:\.docx?)?"
    r"|(?:document|dokument|documento|документ|book|workbook|mappe|arbeitsmappe|classeur|libro|cartel|pasta) ?\d+"
    r"|(?:slide|folie|diapositiva|diapositive|слайд|presentation|präsentation|présentation|presentación) ?\d+"
    r"|(?:microsoft )?(?:office )?powerpoint(?:[ -]?(?:presentation|präsentation|演示文稿|プレゼンテーション))?"
    r"|(?:présentation|presentación|apresentação|presentazione|презентация)(?: de| do| di)? (?:microsoft )?powerpoint"
    r"|microsoft office powerpoint|generated (?:by|using) python-\w+|microsoft (?:word|excel|powerpoint) - .*"
)


def is_default_sheet(name: str) -> bool:
    """Whether the name of a sheet is a default name, such as `Sheet1`, `Tabelle1` or `工作表1`."""
    return bool(_SHEET.fullmatch(" ".join(name.casefold().split())))


def is_default_text(text: str) -> bool:
    """Whether a document property is a default text, such as `Untitled` or `PowerPoint Presentation`."""
    return bool(_DOCUMENT.fullmatch(" ".join(text[:1_000].casefold().split())))
