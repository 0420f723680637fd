"""Check digits agree with published examples, and a changed digit is found."""

import pytest

from ner_tasks.enrichment.personal_data import checksums

VALID = [
    (checksums.luhn, "79927398713"),
    (checksums.luhn, "4111111111111111"),
    (checksums.npi, "1234567893"),
    (checksums.iban, "GB82WEST12345698765432"),
    (checksums.iban, "DE89370400440532013000"),
    (checksums.vin, "1HGCM82633A004352"),
    (checksums.vin, "1M8GDM9AXKP042788"),
    (checksums.dea, "BB1234563"),
    (checksums.gtin, "00844588003288"),
]


@pytest.mark.parametrize(("check", "value"), VALID)
def test_a_published_example_is_valid(check, value):
    assert check(value)


@pytest.mark.parametrize(("check", "value"), VALID)
def test_a_changed_digit_is_found(check, value):
    for at in range(len(value)):
        if value[at].isdigit():
            assert not check(value[:at] + str((int(value[at]) + 1) % 10) + value[at + 1 :])


def test_the_last_digit_is_fixed_if_one_is_valid():
    assert checksums.fix_last_digit("1234567890", checksums.npi) == "1234567893"
    assert checksums.fix_last_digit("9234567890", checksums.npi) == "9234567890"
