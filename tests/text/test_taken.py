"""What taken edits make of other edits and of the user's change, against the plain way: in one text after the other."""

import random

from dgls.text.document import Document
from dgls.text.edit import Change, Edit
from dgls.text.taken import as_if_before, moved, with_all


def apart(document: Document, chance: random.Random, n_edits: int) -> list[Edit]:
    """Edits of a document that do not touch each other."""
    cuts = sorted(chance.sample(range(len(document.text) + 1), n_edits * 2))
    texts = chance.choices(["", "new", "\n", "one\r\ntwo"], k=n_edits)
    return [Edit(document, cuts[n * 2], cuts[n * 2 + 1], texts[n]) for n in range(n_edits)]


def test_edits_in_any_order_come_to_the_same() -> None:
    for seed in range(200):
        chance = random.Random(seed)
        document = Document("".join(chance.choices("abc\n", k=60)))
        edits = apart(document, chance, 4)
        taken, others = edits[::2], edits[1::2]
        now = Document(with_all(document, taken))
        left = [moved(edit, taken, now) for edit in others]
        assert all(edit is not None for edit in left)
        assert with_all(now, [edit for edit in left if edit]) == with_all(document, edits)


def test_an_edit_that_is_touched_is_gone() -> None:
    document = Document("one two three")
    edit = Edit(document, 4, 7, "2")
    for start, end in ((4, 7), (0, 4), (7, 9), (5, 5), (0, 13)):
        assert moved(edit, [Edit(document, start, end, "x")], document) is None
    assert moved(edit, [Edit(document, 0, 3, "x")], document) is not None


def test_what_is_taken_is_no_change_of_the_users() -> None:
    before = Document("width = 3\nprint(width)\nprint(width)\n")
    change = Change(before, Document(before.text.replace("width = 3", "breadth = 3")))
    first = Edit(change.now, 18, 23, "breadth")
    assert first.before == "width"
    now = Document(with_all(change.now, [first]))
    found = as_if_before(change, [first], now)
    assert found.now is now
    assert found.before.text == "width = 3\nprint(breadth)\nprint(width)\n"
    assert (found.edit.start, found.edit.before, found.edit.text) == (0, "wi", "brea")


def test_what_touches_the_users_change_goes_on_with_it() -> None:
    change = Change(Document("a = 1\n"), Document("a = 2\n"))
    edit = Edit(change.now, 0, 5, "a = 3")
    found = as_if_before(change, [edit], Document(edit.result))
    assert (found.before.text, found.now.text) == ("a = 1\n", "a = 3\n")
