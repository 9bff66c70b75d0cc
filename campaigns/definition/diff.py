"""What differs between two versions, for the checker: in words, and field by field. Nothing is cut.

Members of a list are told apart by what names them (a code, a slot), never by their position: a
wave put in front of the others is one new wave, not a change of every one after it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from django.utils.translation import gettext as _

from core.passages import Passage

NAMES = ("code", "slot", "kind", "path", "title", "label")
"""Fields that name a member of a list, the first one that all of them have."""

SAME_SENTENCE = 0.5
"""From this likeness on, sentences without a subject count as one that was changed."""
LOOKED_AT = 20
"""How many new sentences are looked at for an old one: a page must open, however much changed."""


def passages_changes(old: Sequence[Passage], new: Sequence[Passage]) -> list[Passage]:
    """Return, part by part, the sentences that were added, taken out or changed."""
    before = {passage.key: passage for passage in old}
    after = {passage.key: passage for passage in new}
    changes = []
    for key in dict.fromkeys([*after, *before]):
        lines = tuple(_part_changes(before.get(key), after.get(key)))
        if lines:
            changes.append(Passage(key, (after.get(key) or before[key]).title, lines))
    return changes


def _part_changes(old: Passage | None, new: Passage | None) -> Iterator[str]:
    if old is not None and new is not None and old.title != new.title:
        yield _changed(old.title, new.title)
    before, after = Counter(old.lines if old else ()), Counter(new.lines if new else ())
    came, colon = after - before, _("：")
    of_subject: dict[str, list[str]] = defaultdict(list)
    for sentence in came.elements():
        of_subject[_subject(sentence, colon)].append(sentence)
    for sentence in (before - after).elements():
        subject = _subject(sentence, colon)
        follower = _follower(sentence, subject, of_subject[subject][:LOOKED_AT])
        if follower is None:
            yield _("删除：%(sentence)s") % {"sentence": sentence}
        else:
            of_subject[subject].remove(follower)
            came[follower] -= 1
            yield _changed(sentence, follower)
    for sentence in came.elements():
        yield _("新增：%(sentence)s") % {"sentence": sentence}


def _follower(sentence: str, subject: str, came: Sequence[str]) -> str | None:
    """Return which new sentence an old one turned into: of the same subject, else much like it."""
    candidates = [one for one in came if subject or _likeness(sentence, one) >= SAME_SENTENCE]
    return max(candidates, key=lambda one: _likeness(sentence, one), default=None)


def _subject(sentence: str, colon: str) -> str:
    """Return what a sentence speaks of where it says so: the words before its first colon."""
    subject, found, _rest = sentence.partition(colon)
    return subject if found else ""


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _changed(old: str, new: str) -> str:
    return _("修改：%(old)s → %(new)s") % {"old": old, "new": new}


def document_changes(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (path, old, new) for every value that differs; None where there was nothing."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys([*old, *new]):
            inner = f"{path}.{name}" if path else name
            yield from document_changes(old.get(name), new.get(name), inner)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _list_changes(old, new, path)
    elif old != new:
        yield path, old, new


def _list_changes(old: list[Any], new: list[Any], path: str) -> Iterator[tuple[str, Any, Any]]:
    before, after = _by_name(old), _by_name(new)
    if before is None or after is None:
        # Plain values, e.g. region codes: the list is the value.
        if old != new:
            yield path, old, new
        return
    for name in dict.fromkeys([*before, *after]):
        yield from document_changes(before.get(name), after.get(name), f"{path}[{name}]")
    kept = [name for name in before if name in after]
    if kept != [name for name in after if name in before]:
        yield path, list(before), list(after)


def _by_name(members: list[Any]) -> dict[str, Any] | None:
    """Return the members by what names them; None if nothing does."""
    if not members:
        return {}
    if not all(isinstance(member, Mapping) for member in members):
        return None
    for field in NAMES:
        found = {str(member[field]): member for member in members if field in member}
        if len(found) == len(members):
            return found
    return None
