"""What fills the gaps in sentences and documents: slots are entities of a label, fillers are none."""

import random
import re
from collections.abc import Callable, Sequence

from sample import vocabulary

GAP = re.compile(r"\{(\w+)\}")

Maker = Callable[[random.Random], str]


def _one_of(*lists: Sequence[str]) -> Maker:
    return lambda rng: rng.choice(rng.choice(lists))


def capitalized(text: str) -> str:
    """`text` with a capital at its beginning."""
    return text[0].upper() + text[1:]


def _record(rng: random.Random) -> str:
    return str(rng.randint(10_000_000, 99_999_999))


SLOTS: dict[str, tuple[str, Maker]] = {
    "person": ("per", vocabulary.person),
    "titled": ("per", vocabulary.titled_person),
    "first": ("per", _one_of(vocabulary.PERSON_FIRST)),
    "hospital": ("org", vocabulary.hospital),
    "insurer": ("org", vocabulary.insurer),
    "company": ("org", vocabulary.company),
    "agency": ("org", vocabulary.agency),
    "organisation": ("org", vocabulary.organisation),
    "pharmacy": ("org", lambda rng: f"{rng.choice(vocabulary.COMPANY_NAMES)} Pharmacy"),
    "university": ("org", lambda rng: f"University of {rng.choice(vocabulary.US_STATES)}"),
    "place": ("geo", vocabulary.place),
    "city": ("geo", _one_of(vocabulary.CITIES, vocabulary.CITIES, vocabulary.WORLD_CITIES)),
    "state": ("geo", _one_of(vocabulary.US_STATES)),
    "country": ("geo", _one_of(vocabulary.COUNTRIES)),
    "region": ("geo", _one_of(vocabulary.REGIONS)),
    "nationality": ("gpe", vocabulary.nationality),
    "day": ("tim", vocabulary.day),
    "period": ("tim", vocabulary.period),
    "weekday": ("tim", _one_of(vocabulary.WEEKDAYS)),
    "month": ("tim", _one_of(vocabulary.MONTHS)),
    "year": ("tim", lambda rng: str(rng.randint(1980, 2027))),
    "digits": ("tim", lambda rng: f"{rng.randint(1, 12):02}/{rng.randint(1, 28):02}/{rng.randint(1935, 2026)}"),
    "storm": ("nat", lambda rng: f"{rng.choice(vocabulary.STORM_KINDS)} {rng.choice(vocabulary.STORM_NAMES)}"),
    "disaster": ("nat", _one_of(vocabulary.DISASTERS)),
    "disease": ("dis", _one_of(vocabulary.DISEASES)),
    "finding": ("dis", _one_of(vocabulary.FINDINGS)),
    "Finding": ("dis", lambda rng: capitalized(rng.choice(vocabulary.FINDINGS))),
    "condition": ("dis", _one_of(vocabulary.CONDITIONS)),
    "event": ("eve", vocabulary.event),
    "war": ("eve", _one_of(vocabulary.WARS)),
    "holiday": ("eve", _one_of(vocabulary.HOLIDAYS)),
    "tournament": ("eve", _one_of(vocabulary.TOURNAMENTS)),
    "operation": ("eve", lambda rng: f"{rng.choice(vocabulary.EVENT_FIRST)} {rng.choice(vocabulary.EVENT_SECOND)}"),
    "form": ("art", lambda rng: f"{rng.choice(vocabulary.FORM_NAMES)} {rng.choice(vocabulary.FORM_NUMBERS)}"),
    "act": ("art", _one_of(vocabulary.ACTS)),
    "prize": ("art", _one_of(vocabulary.PRIZES)),
    "drug": ("art", _one_of(vocabulary.DRUGS)),
    "site": ("art", _one_of(vocabulary.SITES)),
    "vehicle": ("art", _one_of(vocabulary.VEHICLES)),
    "work": ("art", _one_of(vocabulary.WORKS)),
    "sight": ("art", _one_of(vocabulary.SIGHTS)),
}

FILLERS: dict[str, Maker] = {
    "service": _one_of(vocabulary.SERVICES),
    "goods": _one_of(vocabulary.GOODS),
    "amount": vocabulary.amount,
    "claim": lambda rng: f"{rng.choice(('HC', 'CL', 'MB'))}-{rng.randint(100000, 999999)}",
    "n": lambda rng: str(rng.choice((2, 3, 5, 10, 12, 14, 20, 30, 45, 60, 90, 180, 250))),
    "percent": lambda rng: f"{rng.randint(1, 30)}.{rng.randint(1, 9)}",
    "medicine": _one_of(vocabulary.MEDICINES),
    "relative": _one_of(vocabulary.RELATIVES),
    "record": _record,
    "ssn": _one_of(vocabulary.VOID_SSNS),
    "phone": vocabulary.phone,
    "street": vocabulary.street,
    "zip": lambda rng: f"{rng.randint(10000, 99000)}",
    "mail": lambda rng: f"{rng.choice(vocabulary.PERSON_FIRST).encode('ascii', 'ignore').decode().lower()}@example.com",
}
