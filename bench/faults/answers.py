"""What was asked and what was answered: kept in memory, and in a file line by line."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

Step = Literal["claim", "hold", "confirm"]


@dataclass(frozen=True, slots=True)
class Ask:
    """A request by its idempotency key. Of all asks about one ``subject`` one may succeed."""

    step: Step
    subject: str
    key: str
    path: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer an ask got in the end; status 0 if none came in time.

    ``lost`` attempts before got no reply, ``later`` ones were told to come again.
    """

    ask: Ask
    status: int
    body: bytes
    replay: bool
    lost: int
    later: int
    seconds: float

    @property
    def granted(self) -> bool:
        """Whether it did what it asked for."""
        return 200 <= self.status < 300

    def document(self) -> dict[str, Any]:
        """Return the body read."""
        document: dict[str, Any] = orjson.loads(self.body)
        return document

    @property
    def code(self) -> str:
        """The problem's code; empty for a success."""
        return "" if self.granted or not self.status else str(self.document().get("code", ""))


class AnswerLog:
    """Answers of one round, written to a file as they come."""

    def __init__(self, file: Path, label: str) -> None:
        self.answers: list[Answer] = []
        self.waiting = 0
        """Requests on their way."""
        self._label = label
        self._file = file.open("ab", buffering=0)

    def add(self, answer: Answer) -> None:
        """Keep an answer."""
        line = {
            "round": self._label,
            "step": answer.ask.step,
            "key": answer.ask.key,
            "status": answer.status,
            "replay": answer.replay,
            "lost": answer.lost,
            "later": answer.later,
            "body": answer.body.decode("utf-8", "replace"),
        }
        self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        self.answers.append(answer)

    def close(self) -> None:
        """Leave the file."""
        self._file.close()


def granted(answers: Iterable[Answer], step: Step) -> Iterator[Answer]:
    """Return the successes of a step."""
    return (one for one in answers if one.granted and one.ask.step == step)


def figures(answers: list[Answer]) -> dict[str, Any]:
    """Say what a round of answers was like.

    A key whose every answer is a replay was decided once before, and that answer got lost.
    """
    repeated = [one for one in answers if one.lost or one.later]
    replays: dict[str, bool] = {}
    for one in answers:
        if one.granted:
            replays[one.ask.key] = replays.get(one.ask.key, True) and one.replay
    return {
        "answers": len(answers),
        "granted": sum(one.granted for one in answers),
        "refused": dict(sorted(Counter(one.code for one in answers if one.code).items())),
        "attempts_without_answer": sum(one.lost for one in answers),
        "attempts_told_later": sum(one.later for one in answers),
        "granted_after_repeating": sum(one.granted for one in repeated),
        "first_answer_was_replay": sum(replays.values()),
        "longest_s": round(max((one.seconds for one in answers), default=0.0), 2),
    }
