"""Control words of RTF: destinations, characters, character sets.

Source: Rich Text Format (RTF) Specification, version 1.9.1.
"""

# Destinations whose text is separate from its surroundings, with their kind in the inventory.
BLOCKS = {
    **dict.fromkeys((b"header", b"headerl", b"headerr", b"headerf"), "header"),
    **dict.fromkeys((b"footer", b"footerl", b"footerr", b"footerf"), "footer"),
    b"footnote": "footnote",
    b"annotation": "annotation",
    b"shptxt": "text-box",
    b"dptxbxtext": "text-box",
}
# Destinations whose text is part of their surroundings, although readers may skip them if unknown.
_STRUCTURE = (
    b"do field fldrslt listtext macc mbar mbox md mdeg mden me meqarr mf mfname mfunc mgroupchr mlim mlimlow "
    b"mlimupp mm mmath mmr mnary mnum momath momathpara mphant mr mrad mspre mssub mssubsup mssup msub msup "
    b"nesttableprops object picprop pntext result shp shpgrp shpinst shppict sp"
)
INLINE = frozenset(_STRUCTURE.split())
# Of those, parts of a formula that are set off by spaces.
APART = frozenset({b"mden", b"msub", b"msup", b"mdeg", b"me"})
_SILENT = (
    b"aftncn aftnsep aftnsepc atnauthor atndate atnicn atnid atnparent atnref atntime atrfend atrfstart "
    b"background bkmkend bkmkstart bliptag blipuid colorschememapping colortbl datafield datastore defchp defpap "
    b"ebcend ebcstart falt ffentrymcr ffexitmcr ffformat ffhelptext ffname ffstattext filetbl fname fontemb "
    b"fontfile ftncn ftnsep ftnsepc generator hlinkbase keycode latentstyles levelnumbers leveltext linkval "
    b"listlevel listname listoverridetable liststylename listtable mctrlpr mmathpr mvfml nextfile objalias "
    b"objclass objname objsect objtime oldcprops oldpprops oldsprops oldtprops panose passwordhash pgdsctbl "
    b"picscaled pn pnseclvl pntxta pntxtb private propname protusertbl revtbl rsid rsidtbl staticval stylesheet "
    b"svb template themedata wgrffmtfilter wptools writereservhash xform xmlattrname xmlattrvalue xmlnstbl"
)
# Destinations without text for people; those with a rule are counted.
SKIPPED = {
    b"fldinst": "field-code",
    b"info": "document-properties",
    b"userprops": "document-properties",
    b"docvar": "document-properties",
    b"xe": "index-entry",
    b"tc": "index-entry",
    b"tcn": "index-entry",
    b"nonshppict": "other-form",
    b"shprslt": "other-form",
    b"mmathpict": "other-form",
    b"nonesttables": "other-form",
    b"upr": "other-form",
    **dict.fromkeys(_SILENT.split(), ""),
}
# Properties of a shape with text: WordArt, alternative text of a picture.
SHAPE_TEXTS = {"gtextunicode": "text-box", "wzdescription": "description"}
CHARACTERS = {
    b"par": "\n",
    b"line": "\n",
    b"softline": "\n",
    b"sect": "\n\n",
    b"page": "\n\n",
    b"softpage": "\n",
    b"column": "\n",
    b"softcol": "\n",
    b"row": "\n",
    b"nestrow": "\n",
    b"cell": "\t",
    b"nestcell": "\t",
    b"tab": "\t",
    b"lquote": "\u2018",
    b"rquote": "\u2019",
    b"ldblquote": "\u201c",
    b"rdblquote": "\u201d",
    b"bullet": "\u2022",
    b"endash": "\u2013",
    b"emdash": "\u2014",
    b"enspace": " ",
    b"emspace": " ",
    b"qmspace": " ",
    b"zwbo": "\u200b",
    b"zwnj": "\u200c",
    b"zwj": "\u200d",
    b"ltrmark": "\u200e",
    b"rtlmark": "\u200f",
}
# Codecs by `\fcharset`.
CHARSETS = {
    0: "cp1252",
    77: "mac-roman",
    78: "cp932",
    79: "cp949",
    80: "gb18030",
    81: "big5hkscs",
    83: "iso8859-8",
    84: "mac-arabic",
    85: "mac-greek",
    86: "mac-turkish",
    87: "cp874",
    88: "mac-latin2",
    89: "mac-cyrillic",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gb18030",
    136: "big5hkscs",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    179: "cp1256",
    180: "cp1256",
    181: "cp1255",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
    254: "cp437",
    255: "cp850",
}
SYMBOL_CHARSET = 2
PICTURES = {
    b"pngblip": ".png",
    b"jpegblip": ".jpg",
    b"emfblip": ".emf",
    b"wmetafile": ".wmf",
    b"macpict": ".pict",
    b"dibitmap": ".dib",
    b"wbitmap": ".ddb",
    b"pmmetafile": ".wmf",
}
