"""Each of the 18 kinds is found by its form, its check digits or the words before it, and nothing like it is."""

import pytest

from ner_tasks.enrichment.personal_data.spans import KINDS

FOUND = [
    ("Mr. Paul O'Neil came.", "name", "context:title", "Paul O'Neil"),
    ("Dr Ana de la Cruz signed", "name", "context:title", "Ana de la Cruz"),
    ("Patient: DELGADO, ROSA", "name", "context:name", "DELGADO, ROSA"),
    ("Name: rosa delgado\nAge: 40", "name", "context:name", "rosa delgado"),
    ("Dear Rosa J. Delgado,\nthank you", "name", "context:name", "Rosa J. Delgado"),
    (
        "seen at 12 Oak Hill Rd, Apt 5, Mesa, AZ 85201 today",
        "place",
        "pattern:unit",
        "12 Oak Hill Rd, Apt 5, Mesa, AZ 85201",
    ),
    ("to 12 Oak Hill Rd in", "place", "pattern:street", "12 Oak Hill Rd"),
    ("at 12 Main St today he had 140 mmHg", "place", "pattern:street", "12 Main St"),
    ("P.O. Box 77 in", "place", "pattern:post-box", "P.O. Box 77"),
    ("PSC 1234, Box 567\nAPO AE 09012", "place", "pattern:post-box", "PSC 1234, Box 567\nAPO AE 09012"),
    ("in Mesa, AZ 85201-1234", "place", "pattern:postcode", "Mesa, AZ 85201-1234"),
    ("zip code is 85201", "place", "context:place", "85201"),
    ("wohnt Hauptstraße 5 in", "place", "pattern:street", "Hauptstraße 5"),
    ("Calle Mayor 12, piso", "place", "pattern:street", "Calle Mayor 12"),
    ("Address: 7 Elm, upstairs", "place", "context:address", "7 Elm, upstairs"),
    ("the corner of Fifth Avenue and Main", "place", "context:address", "the corner of Fifth Avenue and Main"),
    ("DOB 03/04/1956.", "date", "pattern:date", "03/04/1956"),
    ("on 4.3.1956 in", "date", "pattern:date", "4.3.1956"),
    ("at 2020-03-04T10:30:00Z,", "date", "pattern:date", "2020-03-04T10:30:00Z"),
    ("Thu, 12 Mar 2026 09:30:00 +0000", "date", "pattern:date", "Thu, 12 Mar 2026 09:30:00 +0000"),
    ("on March 3rd, 2020 at 10:30 am he", "date", "pattern:date", "March 3rd, 2020 at 10:30 am"),
    ("from 3-5 May 2019 on", "date", "pattern:date", "3-5 May 2019"),
    ("in January of 2020,", "date", "pattern:date", "January of 2020"),
    ("seen 12MAR2026,", "date", "pattern:date", "12MAR2026"),
    ("am 3. März 2020", "date", "pattern:date", "3. März 2020"),
    ("since 3/14 he", "date", "context:date", "3/14"),
    ("DOB: 19560304", "date", "context:date", "19560304"),
    ("in November again", "date", "pattern:month", "November"),
    ("last May he", "date", "pattern:month", "May"),
    ("on Tuesday morning", "date", "pattern:weekday", "Tuesday"),
    ("founded in 1988.", "date", "pattern:year", "1988"),
    ("call 480-555-0134 now", "phone", "context:phone", "480-555-0134"),
    ("see (480) 555-0134 x12.", "phone", "pattern:phone", "(480) 555-0134 x12"),
    ("+41 (0)44 668 18 00", "phone", "pattern:phone", "+41 (0)44 668 18 00"),
    ("Phone:\n467 3395\n", "phone", "context:phone", "467 3395"),
    ("answering at 78 651 450", "phone", "context:phone", "78 651 450"),
    ("Fax: 4805550134", "fax", "context:fax", "4805550134"),
    ("(480) 555-0134 fax", "fax", "context:fax", "(480) 555-0134"),
    ("to rosa.d+x@mail.example.org.", "mail", "pattern:mail", "rosa.d+x@mail.example.org"),
    ("see https://example.org/a_(b)?c=1.", "url", "pattern:url", "https://example.org/a_(b)?c=1"),
    ("see www.example.org/x, please", "url", "pattern:url", "www.example.org/x"),
    ("on portal.example.com today", "url", "pattern:url", "portal.example.com"),
    ("from 203.0.113.77 at", "ip", "pattern:ip", "203.0.113.77"),
    ("from 2001:db8::8a2e:370:7334 at", "ip", "pattern:ip", "2001:db8::8a2e:370:7334"),
    ("it is 123-45-6789.", "ssn", "pattern:ssn", "123-45-6789"),
    ("SSN XXX-XX-6789", "ssn", "pattern:ssn", "XXX-XX-6789"),
    ("social security number: 123456789", "ssn", "context:ssn", "123456789"),
    ("MRN# 0012345", "mrn", "context:mrn", "0012345"),
    ("Medical Record No. A-12-345", "mrn", "context:mrn", "A-12-345"),
    ("his medical\nrecord number 00123", "mrn", "context:mrn", "00123"),
    ("MRN\n0012345", "mrn", "context:mrn", "0012345"),
    ("> member\n> ID: W123", "member-id", "context:member-id", "W123"),
    ("from his account\nnumber 555123 on", "account", "context:account", "555123"),
    ("date of\nbirth 19560304", "date", "context:date", "19560304"),
    ("my name\nis Rosa Delgado", "name", "context:name", "Rosa Delgado"),
    ("Member ID | W12345678", "member-id", "context:member-id", "W12345678"),
    ("Acct. no. 12-3456-78", "account", "context:account", "12-3456-78"),
    ("paid by 4111 1111 1111 1111 then", "account", "checksum:card", "4111 1111 1111 1111"),
    ("GB82 WEST 1234 5698 7654 32 and", "account", "checksum:iban", "GB82 WEST 1234 5698 7654 32"),
    ("driver's license number is D123-4567", "licence", "context:licence", "D123-4567"),
    ("prescriber BB1234563", "licence", "checksum:dea", "BB1234563"),
    ("a 1HGCM82633A004352 car", "vehicle", "checksum:vin", "1HGCM82633A004352"),
    ("license plate ABC 1234", "vehicle", "context:vehicle", "ABC 1234"),
    ("serial number SN-00123-X", "device", "context:device", "SN-00123-X"),
    ("at 00:1A:2B:3C:4D:5E", "device", "pattern:mac", "00:1A:2B:3C:4D:5E"),
    ("(01)00844588003288(17)141120(21)1234X", "device", "checksum:udi", "(01)00844588003288(17)141120(21)1234X"),
    ("by 1234567893 then", "npi", "checksum:npi", "1234567893"),
    ("NPI 1234567890", "npi", "context:npi", "1234567890"),
    ("is 1EG4-TE5-MK73.", "mbi", "pattern:mbi", "1EG4-TE5-MK73"),
    ("a 93-year-old man", "age", "pattern:age", "93"),
    ("aged 101, he", "age", "pattern:age", "101"),
]

NOT_FOUND = [
    "BP 120/80, pulse 72, temperature 98.6 F, 5/5 strength, 2/6 murmur",
    "Take 2.5 mg of 10 tablets; 1000-2000 units; 12,500 cells; 99 %.",
    "Labs: Na 140, K 4.2, WBC 7.1, INR 1.1, CT 3 x 5 x 2 cm.",
    "ICD-10 E11.9, CPT 99213, L4-5, C5-C6, T2DM, COVID-19, Omega-3",
    "a 45-year-old man, aged 89",
    "He may walk 2 blocks. March on!",
    "version 1.2.3.4 of the program and OID 2.16.840.1.113883",
    "std::vector and a ratio of 3:1 at 10:30",
    "in 2000 patients, of 2004 mg",
    "He ate at 7 pm. Then he will also place it in the drawer",
    "Patients were seen. Members are covered. The account was closed.",
    "000-12-3456 and 666-12-3456",
    "4111 1111 1111 1112",
    "codes 7AL9 St7 and 3DR4",
    "a group of 120 patients, card 2020, record 500, a lot of 100 samples, policy 12",
    "pain.No fever.He came@home",
    "paid by card\n\n12345 visits",
    "his card\n- 12345 visits",
    "account.\n12345 visits",
    "every Monday and each other Friday",
    "the last Sunday before Labor Day",
]


BLANK_FORMS = [
    "Patient Name: ____________ Date of Birth: ____________",
    "Patient Name (Last, First, MI): Date of Birth:",
    "Name: Last First MI\nAddress: City: State: Zip:",
    "Address: Street City State Zip Code\nHome Phone: Work Phone: Cell:",
    "Physician:\nAllergist:\nSpecialty:\n",
    "Emergency Contact: Relationship: Phone:",
    "Title: Mr. Mrs. Ms. Prof. Rev. Dr.\nFirst Name:",
    "Mailing Street Address:\nApt P.O. Box\nPatient Place of Birth:",
    "Attending: Dr.\nSigned by:\nDate:",
    "Insured: Name Address ___ Employer Name ___",
]

FILLED_FORMS = [
    ("Patient: Rosa Delgado Relationship: self", "Rosa Delgado"),
    ("Attending: Herr Prof. Dr. Anton Weber", "Anton Weber"),
    ("Insured: May First", "May First"),
    ("Author: Delgado: seen today", "Delgado"),
    ("Address: ____ City: Mesa", "____ City: Mesa"),
    ("Street: City Hall, upstairs", "City Hall, upstairs"),
    ("at First Street today", "First Street"),
    ("on State Street.", "State Street"),
]


@pytest.mark.parametrize("text", BLANK_FORMS)
def test_a_blank_form_holds_no_personal_data(found, text):
    assert found(text) == []


@pytest.mark.parametrize(("text", "span"), FILLED_FORMS)
def test_a_value_that_looks_like_a_form_is_found(found, text, span):
    assert span in [text for _, _, text in found(text)]


@pytest.mark.parametrize(("text", "kind", "source", "span"), FOUND)
def test_a_kind_is_found_with_its_source(found, text, kind, source, span):
    assert (kind, source, span) in found(text)


@pytest.mark.parametrize("text", NOT_FOUND)
def test_what_is_no_personal_data_is_not_found(found, text):
    assert found(text) == []


def test_every_kind_has_an_example_here():
    assert {kind for _, kind, *_ in FOUND} == set(KINDS)


def test_the_word_before_a_number_decides_over_its_check_digits(found):
    assert found("Member ID: 1234567893") == [("member-id", "context:member-id", "1234567893")]


def test_entities_of_the_tagger_become_spans(found):
    text = "Rosa Delgado left Mesa last March for Germany"
    entities = ((0, 12, "per"), (18, 22, "geo"), (23, 33, "tim"), (38, 45, "gpe"), (13, 17, "org"))
    assert found(text, entities) == [
        ("name", "model:per", "Rosa Delgado"),
        ("place", "model:geo", "Mesa"),
        ("date", "pattern:month", "March"),
    ]


@pytest.mark.parametrize(
    ("mention", "span"),
    [
        ("Sunday morning", "Sunday"),
        ("the 3rd of March", "3rd of March"),
        ("late 12 May 2019 evening", "12 May 2019"),
        ("early 1998", "1998"),
        ("12MAR2026", "12MAR2026"),
        ("the 60s", None),
        ("10th", None),
        ("May", None),
        ("last week", None),
        ("3 days", None),
        ("the 1990s", None),
    ],
)
def test_of_an_expression_of_time_the_words_of_the_date_count(rules, mention, span):
    place = rules._dates.find_date_words(mention, 0, len(mention))
    assert (place and mention[slice(*place)]) == span


@pytest.mark.parametrize("name", ["Germany", "the United States", "TX", "California", "Russian", "U.S."])
def test_states_and_whatever_is_larger_are_no_places(found, name):
    assert found(name, ((0, len(name), "geo"),)) == []


def test_a_time_without_a_date_is_no_date(found):
    assert found("last week", ((0, 9, "tim"),)) == []


def test_an_entity_outside_the_text_is_an_error(rules):
    with pytest.raises(ValueError, match="found an entity from 3 to 9, expected one in 0 to 4"):
        rules.find("text", [(3, 9, "per")])
