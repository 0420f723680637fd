"""Declared encodings are decoded as in browsers; undeclared ones are detected and always reported."""

import pytest

from ner_tasks.documents import CannotRead, Limits
from ner_tasks.documents.encodings.text_encoding import decode, decode_with_guess
from ner_tasks.documents.readers import plain

GERMAN = "Sehr geehrte Frau Müller, für die Behandlung übernehmen wir die Kosten. Schöne Grüße aus Köln."
RUSSIAN = "Уважаемая госпожа Иванова, ваше заявление получено и будет рассмотрено."
JAPANESE = "東京の田中太郎さんが支払いました。"


@pytest.mark.parametrize(
    ("label", "data", "text"),
    [
        ("iso-8859-1", b"The patient\x92s \x93bill\x94 of \x8050", "The patient’s “bill” of €50"),
        ("latin1", b"a\x81b\x8dc", "a\x81b\x8dc"),
        ("ISO-8859-9", b"\x93I\xfe\xfdk\x94", "“Işık”"),
        ("iso-8859-15", b"\xa4 \xbcuvres", "€ Œuvres"),
        ("gb2312", "请朱镕基先生".encode("gb18030"), "请朱镕基先生"),
        ("shift_jis", "①髙橋様へ ㈱山田".encode("cp932"), "①髙橋様へ ㈱山田"),
        ("x-sjis", JAPANESE.encode("cp932"), JAPANESE),
        ("tis-620", "นายสมชาย “ดี”".encode("cp874"), "นายสมชาย “ดี”"),
        ("ks_c_5601-1987", "똠방각하".encode("cp949"), "똠방각하"),
        ("big5", "臺北 裏".encode("big5hkscs"), "臺北 裏"),
        ("euc-jp", JAPANESE.encode("euc_jp") + b" \xad\xa1 \x8e\xb1", JAPANESE + " ① ｱ"),
        ("koi8-r", RUSSIAN.encode("koi8-r"), RUSSIAN),
        ("x-mac-cyrillic", RUSSIAN.encode("mac_cyrillic"), RUSSIAN),
        ("macintosh", GERMAN.encode("mac_roman"), GERMAN),
        ("IBM850", GERMAN.encode("cp850"), GERMAN),
        ("cp437", GERMAN.encode("cp437"), GERMAN),
        ("ibm037", "Rosa Delgado\nReno".encode("cp037"), "Rosa Delgado\nReno"),
        ("utf8mb4", GERMAN.encode(), GERMAN),
        ('"windows-1251"', RUSSIAN.encode("cp1251"), RUSSIAN),
        ("utf-16le", GERMAN.encode("utf-16-le"), GERMAN),
        ("UTF-16", JAPANESE.encode("utf-16-be"), JAPANESE.encode("utf-16-be").decode("utf-16-le")),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isascii() and len(value) < 20 else "",
)
def test_a_label_stands_for_what_browsers_take_it_for(label, data, text):
    decoded = decode_with_guess(data, label)
    assert decoded.text == text
    assert not decoded.is_guessed


@pytest.mark.parametrize(
    ("label", "data", "text"),
    [
        ("iso-2022-jp", JAPANESE.encode("iso2022_jp"), JAPANESE),
        ("iso-2022-jp", b"\x1b$B-!\x1b(B and \x1b$B-j\x1b(B", "① and ㈱"),
        ("ISO-2022-JP", "ﾊﾝｶｸ 漢字".encode("iso2022_jp_ext"), "ﾊﾝｶｸ 漢字"),
        ("iso-2022-jp", b"\x1b(J\\ 50\x1b(B \xb1", "¥ 50 ｱ"),
        ("iso-2022-jp-2004", "①俱".encode("iso2022_jp_2004"), "①俱"),
        ("iso-2022-kr", "북경 김".encode("iso2022_kr"), "북경 김"),
        ("iso-2022-cn", b"\x1b$)A\x0e11\x0f ok", "北 ok"),
        ("hz-gb-2312", "北京的王先生 ~ x".encode("hz"), "北京的王先生 ~ x"),
        ("utf-7", "Grüße & + Łódź".encode("utf-7"), "Grüße & + Łódź"),
        ("unicode-1-1-utf-7", b"Hi Mom -+Jjo--!", "Hi Mom -☺-!"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isascii() and len(value) < 20 else "",
)
def test_an_encoding_of_seven_bits_is_read_where_it_is_declared(label, data, text):
    assert decode(data, label)[0] == text


def test_ascii_declared_as_a_seven_bit_encoding_stays_unchanged():
    assert decode(b"1 + 1 = 2", "utf-7") == ("1 + 1 = 2", "utf-8")
    assert decode(b"plain", "iso-2022-jp") == ("plain", "utf-8")
    assert decode(b"a +-broken+AGE", "hz-gb-2312")[0] == "a +-broken+AGE"


def test_japanese_escape_sequences_are_recognised_without_a_label():
    decoded = decode_with_guess(JAPANESE.encode("iso2022_jp"))
    assert (decoded.text, decoded.encoding, decoded.is_guessed) == (JAPANESE, "iso2022_jp", True)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_two_and_four_bytes_per_character_are_seen_without_a_mark(codec):
    decoded = decode_with_guess(GERMAN.encode(codec))
    assert (decoded.text, decoded.encoding, decoded.is_guessed) == (GERMAN, codec, True)


@pytest.mark.parametrize("label", ["iso-8859-1", "windows-1251", "shift_jis", "utf-16", "utf-16be"])
def test_utf_8_wins_over_a_label_that_is_wrong(label):
    assert decode(GERMAN.encode(), label) == (GERMAN, "utf-8")


@pytest.mark.parametrize("label", ["us-ascii", "x-unknown", "unknown-8bit", "no-such-encoding", "rot13", "hex", ""])
def test_a_label_without_information_leaves_it_to_detection(label):
    decoded = decode_with_guess(RUSSIAN.encode("cp1251"), label)
    assert (decoded.text, decoded.encoding, decoded.is_guessed) == (RUSSIAN, "cp1251", True)


def test_the_second_label_counts_where_the_first_does_not_fit():
    assert decode_with_guess(RUSSIAN.encode("cp1251"), "us-ascii", "windows-1251").is_guessed is False
    assert decode_with_guess(JAPANESE.encode("cp932"), "euc-jp", "shift_jis").text == JAPANESE


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("It’s the doctor’s signature that’s missing.", "cp1252"),
        ("The claim of Mr. Jürgen Müller was paid.", "cp1252"),
        (GERMAN, "cp850"),
        ("Mrs. Grażyna Błaszczyk signed the form; her husband Michał did not.", "cp1250"),
        (RUSSIAN, "koi8-r"),
        ("Ευχαριστούμε για τη γρήγορη απάντηση και ευχόμαστε περαστικά.", "cp1253"),
        ("Hızlı cevabınız için teşekkür eder, acil şifalar dileriz.", "cp1254"),
        ("תודה על התשובה המהירה ואיחולי החלמה שלמה.", "cp1255"),
        ("نشكركم على الرد السريع ونتمنى لكم الشفاء العاجل.", "cp1256"),
        ("The claim of Mr. 田中太郎 was paid on May 3.", "cp932"),
        ("感谢您的迅速答复，祝您早日恢复健康。", "gb18030"),
        ("빠른 답변에 감사드리며 하루빨리 회복하시기를 빕니다.", "cp949"),
    ],
    ids=lambda value: value if value.isascii() and len(value) < 10 else "",
)
def test_an_undeclared_encoding_is_detected_and_marked_as_guessed(text, codec):
    decoded = decode_with_guess(text.encode(codec))
    assert decoded.text == text
    assert decoded.is_guessed
    assert plain.read(text.encode(codec), Limits()).is_guessed


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("The claim of Mr. 田中太郎 was paid on May 3 and the case is closed.", "euc_jp"),
        ("Please call Ms. Agnieszka Dąbrowska at the office before you send the letter.", "cp1250"),
    ],
)
def test_an_ambiguous_text_is_rejected(text, codec):
    with pytest.raises(CannotRead) as error:
        decode(text.encode(codec))
    assert error.value.reason == "unknown-encoding"


@pytest.mark.parametrize("label", ["euc-tw", "viscii", "x-viscii", "tcvn"])
def test_an_encoding_without_a_codec_is_rejected(label):
    with pytest.raises(CannotRead, match=label):
        decode(b"\xa4\xe4\xb5\xd8", label)


def test_a_damaged_character_is_replaced_and_listed():
    data = GERMAN.encode() * 20
    extract = plain.read(data + b"\xe9" + data, Limits())
    assert extract.text == GERMAN * 20 + "\ufffd" + GERMAN * 20
    assert extract.items.unread == ("1 damaged characters: invalid utf-8; each is U+FFFD in the text",)
    cut = decode_with_guess(data + "ü".encode()[:1])
    assert (cut.encoding, cut.n_replaced) == ("utf-8", 1)
    wide = decode_with_guess(GERMAN.encode("utf-16")[:-1])
    assert (wide.text, wide.n_replaced) == (GERMAN[:-1] + "\ufffd", 1)


def test_ascii_utf_8_and_marked_utf_16_are_not_guessed():
    assert decode_with_guess(b"Rosa Delgado of Reno").is_guessed is False
    assert decode_with_guess(GERMAN.encode()).is_guessed is False
    assert decode_with_guess(GERMAN.encode("utf-16")).is_guessed is False


@pytest.mark.parametrize("data", [b"\0\1\2\3" * 50, b"\xff\xfe" + b"\x00\xd8" * 40, b"\x01" * 20 + b"text"])
def test_binary_data_is_not_decoded(data):
    with pytest.raises(CannotRead) as error:
        decode(data)
    assert error.value.reason == "not-text"


def test_a_few_undecodable_letters_are_replaced_and_listed():
    data = b"The claim was paid and the case is closed. " * 20
    extract = plain.read(data + b"D\xb9browska" + data, Limits())
    assert extract.text == data.decode() + "D\ufffdbrowska" + data.decode()
    assert extract.is_guessed
    assert extract.items.unread == ("1 damaged characters: invalid ascii; each is U+FFFD in the text",)


def test_a_stray_zero_byte_rejects_no_document():
    assert decode(b"Rosa Delgado of\0Reno, who paid." + bytes(5))[0] == "Rosa Delgado of Reno, who paid."
