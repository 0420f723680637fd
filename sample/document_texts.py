"""Texts with gaps, from which the synthetic documents are written: a health plan's post on one day.

A gap in braces is a name of the document's cast (`cast_of`), or any slot or filler of
`slots`. Of each group of paragraphs a document takes some, in this order.
"""

import random
from collections.abc import Sequence
from datetime import UTC, datetime

from sample import vocabulary
from sample.slots import FILLERS, GAP, SLOTS

Cast = dict[str, str]
RECEIVED = datetime(2026, 3, 12, 9, 30, tzinfo=UTC)

AGENCIES = (
    "Department of Insurance", "Department of Health", "Department of Labor", "Food and Drug Administration",
    "Social Security Administration", "Veterans Administration",
)  # fmt: skip

LETTER_HEAD = """{insurer}
Member Services
{city}, {state}

{letter_date}

{member}
{street}
{city}, {state} {zip}

Member ID: {member_id}
Claim: {claim_id}

Dear {member}:
"""

LETTER_BODIES = (
    (
        (
            "Thank you for your call on {weekday}. We have looked into the bill for {service} that {hospital} sent to "
            "{insurer} on {visit_date}."
        ),
        "We paid {amount} to {hospital}. Your share of the cost is {amount}, which you owe to the provider and not to us.",
        (
            "Under the {act} you may ask for a review within 180 days. Please write to our office in {other_city}, and "
            "enclose {form}."
        ),
        "If you have any questions, please call {agent} between 8:30 a.m. and 5:00 p.m., Monday to Friday.",
    ),
    (
        "We received a request from {doctor} of {hospital} for {service} on {visit_date}. The request was approved.",
        "The approval is valid until {day}. It covers visits at {hospital} in {city} only, and not at any other provider.",
        "Since {month}, members in {state} no longer need a referral for {service}.",
        "You can see the status of this request at https://www.{site}/members, or write to {mail}.",
    ),
    (
        (
            "We are writing about the claim for {service} at {hospital} on {visit_date}. We could not pay it, because "
            "{doctor}'s report is missing."
        ),
        "Please ask {hospital} to send the report and {form} to {insurer} before {day}.",
        (
            "The {agency} publishes a guide for members whose claims were denied. A copy can be had from our office in "
            "{other_city}."
        ),
        "{agent} of our appeals unit will be glad to help you.",
    ),
    (
        (
            "Because of {storm}, our office in {other_city} will be closed until {day}. Claims from {state} are handled in "
            "{city} in the meantime."
        ),
        (
            "Members who had to leave their homes may see any doctor in {neighbour}, as if it were one of ours. {insurer} and "
            "{hospital} have agreed on this until {month}."
        ),
        "The {agency} runs a shelter near {hospital}. {person} is in charge of it.",
    ),
)

LETTER_END = """Sincerely,

{agent}
Member Services
{insurer}"""

REPORT = (
    """{hospital}
{city}, {state}

REPORT OF {report_kind}

Patient: {member}
Date of visit: {visit_date}
Attending physician: {doctor}
Referred by: {person}""",
    (
        "{member}, {age} years old, was seen at {hospital} on {visit_date} with {condition}. The patient had returned from "
        "{country} in {month}, and was treated there at a clinic in {world_city}."
    ),
    (
        "There is no sign of {disease}. Blood pressure was {pressure}, temperature 98.{digit} F, weight {weight} lb. "
        "{doctor} ordered {service}, which took place at 10:{minutes} a.m. the same day."
    ),
    (
        "The patient was given {drug}, 20 mg twice a day, and reported no pain on {weekday}. A sample was sent to "
        "{company} in {other_city}; the result is expected before {day}."
    ),
    "{person} of the {agency} was told by telephone, as the law in {state} asks. No other case is known in {city}.",
    "Plan: {service} in six weeks. {member} may travel to {country} in {month}. The report goes to {insurer}.",
)

CLAIM_FIELDS = (
    ("Member", "{member}"),
    ("Member ID", "{member_id}"),
    ("Employer", "{company}"),
    ("Provider", "{hospital}"),
    ("Physician", "{doctor}"),
    ("Place of service", "{city}, {state}"),
    ("Date of service", "{visit_date}"),
    ("Service", "{service}"),
    ("Amount billed", "{amount}"),
)
CLAIM_REMARKS = (
    (
        "{member} was brought to {hospital} after an accident on a road near {other_city}. {agent} of {insurer} was told on "
        "{visit_date}."
    ),
    "The provider first sent this claim to {company}, which returned it in {month}. {doctor} has signed {form}.",
    "The member lives in {neighbour} for most of the year and was on a visit to {state} when the service was rendered.",
)

APPEAL = (
    (
        "I am writing about claim {claim_id}. On {visit_date} you refused to pay for {service} at {hospital}, and I ask you "
        "to change that decision."
    ),
    (
        "{doctor}, who has been my physician since {year}, ordered the treatment. In a letter to {insurer} on {weekday} the "
        "doctor explained why there was no hospital closer to {city} that could do it."
    ),
    (
        "My employer, {company}, told me that the plan covers such treatment everywhere in {state}. My brother {person} had "
        "the same in {other_city} in {month}, and you paid."
    ),
    "When I was in {country} in {year}, the {nationality} doctors at a hospital in {world_city} came to the same view.",
    "If I do not hear from you before {day}, I will turn to the {agency}.",
)

NEWS_TITLES = (
    "{insurer} to Open Office in {other_city}",
    "Officials in {country} Report New Cases of {disease}",
    "{hospital} Names {person} as Director",
    "{nationality} Nurses Arrive in {city}",
)
NEWS = (
    (
        "{insurer} said {weekday} it will open an office in {other_city} in {month}. The company has been at home in "
        "{city}, {state}, since {year}."
    ),
    (
        "Health officials in {country} said {weekday} at least {n} people have fallen ill with {disease} near {world_city}. "
        "The World Health Organization has sent a team."
    ),
    "{person}, a former aide to {titled}, will lead {hospital} from {month} on. {doctor} had held the post since {year}.",
    (
        "The {nationality} government and {company} signed an agreement in {world_city} on {visit_date}. Under the deal, "
        "{n} nurses will work in {state} for two years."
    ),
    (
        "{titled} told {company} on {weekday} that talks between {country} and the United States would go on. He spoke "
        "after the {event}."
    ),
    "Since {storm} hit {region}, prices of {goods} have risen by {percent} percent, according to the {agency}.",
)

CALLS = (
    "{member} called about the bill from {hospital}. Told the member that {insurer} paid {amount} on {visit_date}.",
    "{doctor}'s office in {city} asked where to send {form}. Gave them the address in {other_city}, {neighbour}.",
    "Mother of {member} asked whether {drug} is covered in {state}. Will call back on {weekday}.",
    "{person} of {company} wants to add {n} members from {country} to the plan before {day}.",
    "{agent} spoke to the {agency} about claim {claim_id}. They expect an answer from {hospital} by {month}.",
    "{member} is in {world_city} until {day} and lost the card. Sent a new one to the hotel there.",
)

MINUTES = """# Appeals meeting, {letter_date}

Present: {agent}, {person}, {doctor}

- **{member}** ({city}, {state}): {service} at {hospital}. Decision of {month} upheld.
- **{other_member}** ({other_city}): paid in full, {amount}, after a letter from the {agency}.
- Next: {agent} goes to {neighbour} on {weekday} to meet {hospital}.

{insurer} will report to the {agency} under the {act} before {day}."""


def cast_of(rng: random.Random) -> Cast:
    """The people, places and numbers that one document names again and again."""
    first, last = rng.choice(vocabulary.PERSON_FIRST), rng.choice(vocabulary.PERSON_LAST)
    city, other_city = rng.sample(vocabulary.CITIES, 2)
    state, neighbour = rng.sample(vocabulary.US_STATES, 2)
    insurer = vocabulary.insurer(rng)
    site = f"{insurer.split()[0].lower()}.example.com"
    return {
        "member": f"{first} {last}",
        "other_member": f"{rng.choice(vocabulary.PERSON_FIRST)} {rng.choice(vocabulary.PERSON_LAST)}",
        "agent": f"{rng.choice(vocabulary.PERSON_FIRST)} {rng.choice(vocabulary.PERSON_LAST)}",
        "doctor": f"Dr. {rng.choice(vocabulary.PERSON_LAST)}",
        "insurer": insurer,
        "hospital": vocabulary.hospital(rng),
        "city": city,
        "other_city": other_city,
        "state": state,
        "neighbour": neighbour,
        "world_city": rng.choice(vocabulary.WORLD_CITIES),
        "country": rng.choice(vocabulary.COUNTRIES),
        "letter_date": "March 12, 2026",
        "visit_date": f"{rng.choice(('January', 'February'))} {rng.randint(2, 27)}, 2026",
        "month": rng.choice(vocabulary.MONTHS),
        "year": str(rng.randint(1998, 2024)),
        "day": f"{rng.choice(('April', 'May', 'June'))} {rng.randint(2, 29)}",
        "act": "Affordable Care Act",
        "agency": rng.choice(AGENCIES),
        "street": f"{rng.randint(12, 980)} {rng.choice(('Maple', 'Cedar', 'Second', 'Washington'))} {rng.choice(('Street', 'Avenue'))}",
        "zip": f"{rng.randint(10000, 99000)}",
        "member_id": f"M{rng.randint(1000000, 9999999)}",
        "claim_id": f"HC-{rng.randint(100000, 999999)}",
        "report_kind": rng.choice(("EXAMINATION", "LABORATORY WORK", "SURGERY")),
        "age": str(rng.randint(19, 88)),
        "pressure": f"{rng.randint(110, 150)}/{rng.randint(65, 95)}",
        "digit": str(rng.randint(1, 9)),
        "minutes": f"{rng.randint(10, 55)}",
        "weight": str(rng.randint(105, 240)),
        "site": site,
        "mail": f"help@{site}",
    }


def filled(rng: random.Random, template: str, cast: Cast) -> str:
    """A template with its gaps filled: by the cast, or else by anything that fits."""

    def name(gap: str) -> str:
        if gap in cast:
            return cast[gap]
        return FILLERS[gap](rng) if gap in FILLERS else SLOTS[gap][1](rng)

    return "".join(name(piece) if index % 2 else piece for index, piece in enumerate(GAP.split(template)))


def some(rng: random.Random, paragraphs: Sequence[str], n: int) -> list[str]:
    """`n` of the paragraphs, in their order, the first always among them."""
    kept = {0, *rng.sample(range(1, len(paragraphs)), min(n, len(paragraphs)) - 1)}
    return [paragraph for index, paragraph in enumerate(paragraphs) if index in kept]
