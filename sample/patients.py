"""Invented patients with every kind of identifier, each valid in form and none of them anybody's.

Telephone numbers are 555-01xx, hosts example.com, addresses those of RFC 5737 and RFC 3849. The MBIs are those of Medicare's
specimen cards. NPIs begin with 2, which the rules allow and of which none was given out. The social security numbers are
void, the vehicle number comes from textbooks. Record, account and licence numbers have no public form and are drawn.
"""

import random

from sample import vocabulary

Cast = dict[str, str]

MBIS = ("1EG4-TE5-MK72", "1EG4-TE5-MK73")
VIN = "1M8GDM9AXKP042788"
_YEAR = 2026  # in which the sample's documents were written
_NPI_PREFIX = "80840"  # of health cards in the U.S.; the check digit takes it into account


def patient_of(rng: random.Random, ages: tuple[int, int] = (24, 88)) -> Cast:
    """The people, places, numbers and days that a document about one patient names."""
    first, *others = rng.sample(vocabulary.PERSON_FIRST, 4)
    last, doctor, other_doctor, *more = rng.sample(vocabulary.PERSON_LAST, 6)
    city, other_city = rng.sample(vocabulary.CITIES, 2)
    insurer = vocabulary.insurer(rng)
    host = f"{insurer.split()[0].lower()}.example.com"
    age = rng.randint(*ages)
    return {
        "member": f"{first} {last}",
        "contact": f"{others[0]} {last}",
        "relative": more[0],
        "agent": f"{others[1]} {more[1]}",
        "doctor_first": others[2],
        "doctor": doctor,
        "other_doctor": other_doctor,
        "insurer": insurer,
        "hospital": f"{rng.choice(vocabulary.HOSPITAL_NAMES)} {rng.choice(vocabulary.HOSPITAL_KINDS)}",
        "city": city,
        "other_city": other_city,
        "state": rng.choice(vocabulary.US_STATES),
        **{gap: vocabulary.street(rng) for gap in ("street", "other_street")},
        **{gap: f"{rng.randint(10000, 99000)}" for gap in ("zip", "other_zip")},
        **{gap: vocabulary.phone(rng) for gap in ("phone", "other_phone", "fax")},
        "years": str(age),
        "old_age": str(age),
        **_days(rng, age),
        **_identifiers(rng),
        "mail": f"{rng.choice(('nurse', 'desk', 'records'))}@{host}",
        "url": f"https://www.{host}/results/{rng.randint(1000, 9999)}",
        "ip": rng.choice((f"203.0.113.{rng.randint(1, 254)}", f"2001:db8::{rng.randint(16, 9999):x}")),
    }


def _days(rng: random.Random, age: int) -> Cast:
    """Days in the forms in which people write them; the patient's birthday of the year is past."""
    month, day = 1, rng.randint(1, 28)
    return {
        "birth": rng.choice((f"{month:02}/{day:02}/{_YEAR - age}", f"January {day}, {_YEAR - age}")),
        "onset": f"February {rng.randint(1, 12)}",
        "visit_date": f"February {rng.randint(14, 27)}, {_YEAR}",
        "letter_date": f"March 12, {_YEAR}",
        "appointment": f"{rng.choice(('April', 'May', 'June'))} {rng.randint(2, 29)}, {_YEAR}",
        "past_month": f"{rng.choice(vocabulary.MONTHS)} {rng.randint(2015, 2024)}",
    }


def _identifiers(rng: random.Random) -> Cast:
    def digits(n: int) -> str:
        return "".join(rng.choices("0123456789", k=n))

    return {
        "ssn": rng.choice(vocabulary.VOID_SSNS),
        "mrn": f"00{digits(6)}",
        "member_id": f"M{rng.randint(1_000_000, 9_999_999)}",
        "account": f"{digits(4)}-{digits(6)}-{digits(2)}",
        "licence": f"{rng.choice('BDFGKS')}{digits(3)}-{digits(4)}-{digits(4)}",
        "vin": VIN,
        "plate": f"{''.join(rng.choices('BCDFGHJK', k=3))}-{digits(4)}",
        "serial": f"{rng.choice(('PX', 'TM', 'VR'))}{digits(7)}",
        "npi": npi(rng),
        "mbi": rng.choice(MBIS),
    }


def npi(rng: random.Random) -> str:
    """A provider's number with a right check digit."""
    body = f"2{rng.randint(0, 99_999_999):08}"
    return body + _check_digit(_NPI_PREFIX + body)


def _check_digit(digits: str) -> str:
    """Luhn's."""
    doubled = [int(digit) * (2 if at % 2 == 0 else 1) for at, digit in enumerate(reversed(digits))]
    return str(-sum(number // 10 + number % 10 for number in doubled) % 10)
