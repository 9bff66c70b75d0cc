"""The classes every room derives its errors from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from core.errors.catalogue import CATALOGUE, CodeText


@runtime_checkable
class Worded(Protocol):
    """A value of a refusal that says itself in words, in the language of the problem."""

    def words(self, *, english: bool) -> str:
        """Return the words."""


class Said(str):
    """A code among the values of a refusal: the code for machines, its words for people."""

    __slots__ = ("en", "zh")
    zh: str
    en: str

    def __new__(cls, code: str, zh: str, en: str) -> "Said":
        """Take the code and its words in both languages."""
        said = super().__new__(cls, code)
        said.zh, said.en = zh, en
        return said

    def words(self, *, english: bool) -> str:
        """Return the words."""
        return self.en if english else self.zh


@dataclass(frozen=True, slots=True)
class InvalidParam:
    """One wrong parameter: dotted name, reason in the caller's language, and the limit if any."""

    name: str
    reason: str
    limit: int | str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """One failing condition of a command: a code of the catalogue and the values that decided.

    Set-based services put a list of these into an outcome: all failing conditions, the most
    important first (api.md, Codes).
    """

    code: str
    data: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a code that is not in the catalogue."""
        if self.code not in CATALOGUE:
            raise ValueError(f"code is not in core.errors.catalogue: {self.code}")


class DomainError(Exception):
    """A business error with a stable code (style 16).

    Either raise a subclass that names its ``code``, or ``DomainError("claim.sold_out", data=…)``.
    ``data`` holds the values for machine and text: amounts as ``*_fen`` integers, times as aware
    datetimes, never personal data. ``retry_after_s`` fills the Retry-After header.
    """

    code: str = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse at import a subclass whose code is not in the catalogue."""
        super().__init_subclass__(**kwargs)
        if cls.code and cls.code not in CATALOGUE:
            raise TypeError(f"{cls.__name__}.code is not in core.errors.catalogue: {cls.code}")

    def __init__(
        self,
        code: str = "",
        *,
        data: Mapping[str, Any] | None = None,
        invalid_params: Iterable[InvalidParam] = (),
        retry_after_s: int | None = None,
    ) -> None:
        """Take the code unless the class names it; raises KeyError for an unknown code."""
        self.text: CodeText = CATALOGUE[code or self.code]
        self.code = self.text.code
        self.data: dict[str, Any] = dict(data or {})
        self.invalid_params: tuple[InvalidParam, ...] = tuple(invalid_params)
        self.retry_after_s = self.text.retry_after_s if retry_after_s is None else retry_after_s
        super().__init__(self.text.code)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.text.status

    def __str__(self) -> str:
        """Code and data, for logs and tracebacks."""
        parts = [self.code]
        if self.data:
            parts.append(str(self.data))
        parts.extend(f"{param.name}: {param.reason}" for param in self.invalid_params)
        return " ".join(parts)


class InvalidParametersError(DomainError):
    """Bad input, with the names of the parameters."""

    code = "request.invalid_parameter"

    @classmethod
    def one(
        cls, name: str, reason: str, limit: int | str | None = None
    ) -> "InvalidParametersError":
        """Make the error for a single parameter."""
        return cls(invalid_params=[InvalidParam(name, reason, limit)])


class RefusedError(DomainError):
    """A refused command with all its failing conditions; the first gives code and status."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        """Take at least one refusal."""
        self.refusals = tuple(refusals)
        super().__init__(self.refusals[0].code, data=self.refusals[0].data)
