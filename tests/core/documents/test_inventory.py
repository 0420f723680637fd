"""Every item of a file has one fate, and items that a reader does not account for are unread."""

from ner_tasks.documents.inventory import MAX_NAMED, Inventory, Items


def test_items_are_counted_by_kind_and_fate_and_named_where_they_were_not_read():
    inventory = Inventory()
    inventory.expect("page", 3)
    inventory.read("page", 2)
    inventory.unread("page", "page 3", "a picture;\n OCR is off")
    inventory.ignored("part", "styles", 4)
    items = inventory.items()
    assert items.counts == {"page": {"read": 2, "unread": 1}, "part": {"ignored": 4}}
    assert items.unread == ("page 3: a picture; OCR is off",)
    assert items.ignored == {"styles": 4}
    assert items.add_up()


def test_an_item_that_the_reader_found_and_forgot_is_unread():
    inventory = Inventory()
    inventory.expect("form-field", 5)
    inventory.read("form-field", 3)
    items = inventory.items()
    assert items.counts == {"form-field": {"read": 3, "unread": 2}}
    assert items.unread == ("2 x form-field: the reader did not account for it",)
    assert items.add_up()


def test_the_share_that_was_read_leaves_out_what_a_rule_ignores():
    assert Items({"page": {"read": 3, "unread": 1, "ignored": 90}}).read_share == 0.75
    assert Items({"page": {"ignored": 2}}).read_share == 1.0
    assert Items().read_share == 1.0
    assert Items({"page": {"unread": 2}}).read_share == 0.0


def test_of_very_many_unread_items_some_are_named_and_all_are_counted():
    inventory = Inventory()
    for number in range(MAX_NAMED + 50):
        inventory.unread("picture", f"picture {number}", "OCR is off")
    items = inventory.items()
    assert len(items.unread) == MAX_NAMED + 1
    assert items.unread[-1] == "50 more items"
    assert items.counts == {"picture": {"unread": MAX_NAMED + 50}}


def test_items_that_were_tampered_with_do_not_add_up():
    assert not Items({"page": {"unread": 1}}).add_up()
    assert not Items({"page": {"lost": 1}}).add_up()
    assert not Items({"page": {"read": 1}}, unread=("page 2: lost",)).add_up()
    assert not Items({"page": {"ignored": 2}}, ignored={"blank": 1}).add_up()


def test_zero_unread_items_add_no_line():
    inventory = Inventory()
    inventory.unread("cell", "0 cell(s)", "no value is stored", 0)
    inventory.ignored("text", "unused-string", 0)
    assert inventory.items() == Items()
