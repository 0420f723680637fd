"""Forms of postal addresses in several countries."""

import re

_WORD = r"[^\W\d_][\w.'’/-]{0,24}"
_NOT_OF_LARGER = r"(?![\w%]|[.,:/-][0-9])"
# A house number, perhaps two, and up to eight words, at the end of a window.
HOUSE_AND_WORDS = re.compile(
    rf"(?<![\w.,:/$#-])[0-9]{{1,6}}[A-Za-z]?(?:[ \t]{{1,2}}(?:{_WORD}|[0-9]{{1,5}}(?:st|nd|rd|th|\.)?)){{1,8}}"
    r"[\s,>]{1,12}$"
)
CAPITALIZED_WORDS = re.compile(r"(?<!\w)(?:[A-Z][\w'’-]{1,24}[ \t]){1,3}$")
DIRECTION = re.compile(r"\.?(?:[ \t](?:NE|NW|SE|SW|N|S|E|W)(?!\w))?")
HOUSE_AFTER = re.compile(rf"\.?[ \t][0-9]{{1,4}}[A-Za-z]?(?!\w){_NOT_OF_LARGER}")
HOUSE_NUMBER = re.compile(rf"[0-9](?<=[ \t].)[0-9]{{0,3}}[A-Za-z]?(?!\w){_NOT_OF_LARGER}")
WORDS_AND_HOUSE = re.compile(
    rf"\.?(?:[ \t]{{1,2}}{_WORD}){{1,5}}[ \t,]{{1,3}}[0-9]{{1,5}}[A-Za-z]?(?!\w){_NOT_OF_LARGER}"
)
HOUSE_BEFORE = re.compile(r"(?<![\w.,:/$#-])[0-9]{1,6}[ \t]$")
UNIT_NUMBER = re.compile(r"\.?[ \t]{0,2}#?[ \t]?(?:[0-9][A-Za-z0-9-]{0,6}|[A-Z](?:-?[0-9]{1,4})?)(?!\w|\.[A-Z])")
BEFORE_BOX = re.compile(
    r"(?<!\w)(?:(?:[0-9]{1,6}[ \t])?P\.?[ \t]?O\.?[ \t]?|(?:PSC|Unit|CMR)[ \t][0-9]{1,6},?[ \t])$", re.IGNORECASE
)
BEFORE_CORNER = re.compile(r"(?<!\w)[Tt]he[ \t]$")
BOX_NUMBER = re.compile(r"[ \t]#?[0-9]{1,6}(?!\w)")
BEFORE_MILITARY = re.compile(
    r"(?<!\w)(?:USS|USNS|USNV|USCGC|USCG|USAV)[ \t][^\W\d_][\w-]{1,24}[ \t,]{0,2}\n?[ \t]?$", re.IGNORECASE
)
MILITARY = re.compile(r"[ ,]{1,2}A[AEP][ ,]{1,2}[0-9]{5}(?:-[0-9]{4})?(?!\w)", re.IGNORECASE)
CORNER = re.compile(rf"[ \t]of(?:[ \t]{{1,2}}(?:[0-9]{{1,6}}\.?|{_WORD})){{1,8}}")
POSTCODE = re.compile(r"[0-9]{5}(?<!\w.....)(?:-[0-9]{4})?(?!\w|[.,-][0-9])")
CITY = re.compile(r"(?:(?<!\w)[^\W\d_][\w.'’-]{0,24}[ \t]?){1,4}$")
BEFORE_STATE = re.compile(r"[ \t]{0,3},?\s{0,4}$")

# What follows a street or unit: capitalized words on the same line, on short lines or between commas, and a postcode.
_SEPARATOR = r"[ \t]{0,3}(?:,[ \t]{0,3}\n?|\n)(?:\n(?=[ \t>]))?[ \t>]{0,10}(?:,[ \t]?)?"
_CAPITALIZED = r"(?=[^\W\d_])(?![a-zà-öø-ÿ])[\w'’.-]{1,25}+(?!\s?:)"
_TOWN_WORD = rf"(?:{_CAPITALIZED}|\({_CAPITALIZED}\)|(?:de|del|do|da|la|le|of|am|an|im|nan|u)(?!\w))"
_PART = rf"{_TOWN_WORD}(?:[ \t]{_TOWN_WORD}){{0,4}}+"
TAIL_WITH_POSTCODE = re.compile(
    rf"\.?(?:(?:(?:{_SEPARATOR}|[ \t]){_PART}){{1,3}}?(?:{_SEPARATOR}|[ \t]){{1,2}}"
    r"(?:[0-9]{3,6}(?:[ -][0-9]{2,4})?|[0-9]{2}-[0-9]{3})"
    rf"|(?:{_SEPARATOR}|[ \t])[0-9]{{5}}(?:-[0-9]{{4}})?)(?!\w|[.,:/-][0-9])"
)
TAIL_OF_CAPITALS = re.compile(
    rf"(?:{_SEPARATOR}{_CAPITALIZED}(?:[ \t]{_TOWN_WORD}){{0,3}}+(?=\s*(?:[\n,.;?]|$))){{1,3}}"
    rf"|[ \t]{_CAPITALIZED}(?:[ \t]{_TOWN_WORD}){{0,3}}+"
)
LEAD_PART = re.compile(rf"[0-9]{{1,6}}[A-Za-z]?(?:[ \t]{{1,2}}(?:[0-9]{{1,5}}\.?|{_WORD})){{1,8}}")
