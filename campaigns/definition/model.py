"""The shape of the campaign document (docs/schema/campaign.schema.json is made from it).

Money is integer fen, moments are RFC 3339 with an offset, intervals are half-open. Unknown fields
are refused, so nothing that no rule reads can be approved. Sections of upper rooms (``batches``)
stand beside these fields.
"""

import re
from datetime import date, datetime
from typing import Annotated, Final, Literal

import msgspec

from core.money import MAX_FEN

FORMAT: Literal["xfq-campaign/1"] = "xfq-campaign/1"

CODE_PATTERN: Final = re.compile(r"^[a-z0-9][a-z0-9-]{0,39}$")
Code = Annotated[str, msgspec.Meta(pattern=CODE_PATTERN.pattern)]
RegionCode = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{6}$")]
Fen = Annotated[int, msgspec.Meta(ge=0, le=MAX_FEN)]
PositiveFen = Annotated[int, msgspec.Meta(gt=0, le=MAX_FEN)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
OptionalLine = Annotated[str, msgspec.Meta(max_length=200)]
Text = Annotated[str, msgspec.Meta(max_length=4000)]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?$")]

LevelName = Literal[
    "CENTRAL", "PROVINCE", "CITY", "COUNTY", "BANK", "MERCHANT", "BRAND", "PLATFORM"
]
ModeName = Literal[
    "PREFUNDED", "OPERATOR_ADVANCE", "ACQUIRER_ADVANCE", "MERCHANT_ADVANCE", "MERCHANT_CONCESSION"
]
DocumentKind = Literal[
    "PLAN_APPROVAL", "FAIR_COMPETITION", "LEGAL_REVIEW", "FUNDING", "OPERATOR_AGREEMENT"
]


class FundingDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The document that grants a budget quota: 文号, 预算年度, 项目编码 (domain-rules §2)."""

    number: Line
    year: Annotated[int, msgspec.Meta(ge=2000, le=2100)]
    project_code: OptionalLine = ""


class FunderSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A funder (出资方) of this campaign, the mode of its money and its budget quota in fen."""

    code: Code
    name: Line
    level: LevelName
    mode: ModeName
    quota_fen: Fen
    document: FundingDocument
    organisation: OptionalLine = ""
    """Code of the organisation whose staff may see this funder's figures."""


class SubmittedDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A document of the submission: number, date and the SHA-256 of its file."""

    kind: DocumentKind
    number: Line
    date: date
    sha256: Sha256 = ""


class Illustrative(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Fields that no source gives: a path with ``[*]`` for every item, and why the value."""

    path: Line
    note: Line


class PublishedFigure(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A figure as published, with its 口径 in words; never used for a computation."""

    label: Line
    value: Line
    source: OptionalLine = ""


class Announced(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A programme of the same campaign that does not run yet, e.g. marked 下期."""

    title: Line
    mark: Line
    figures: tuple[PublishedFigure, ...] = ()


class CampaignSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A campaign (活动) as drafted, approved and frozen."""

    format: Literal["xfq-campaign/1"]
    code: Code
    title: Line
    owner_region: RegionCode
    regions: Annotated[tuple[RegionCode, ...], msgspec.Meta(min_length=1)]
    starts_at: Moment
    ends_at: Moment
    funders: Annotated[tuple[FunderSpec, ...], msgspec.Meta(min_length=1, max_length=20)]
    organisation: OptionalLine = ""
    settlement_path: Literal["NETWORK_CLEARED", "PLATFORM_PAYOUT"] = "PLATFORM_PAYOUT"
    documents: tuple[SubmittedDocument, ...] = ()
    rules_text: Text = ""
    announced: tuple[Announced, ...] = ()
    records: tuple[Line, ...] = ()
    """Ids of published records (campaigns/data/published_campaigns.json) the figures come from."""
    sources: tuple[OptionalLine, ...] = ()
    illustrative: tuple[Illustrative, ...] = ()

    def funder(self, code: str) -> FunderSpec | None:
        """Return the funder with this code."""
        return next((one for one in self.funders if one.code == code), None)
