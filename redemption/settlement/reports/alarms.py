"""What a day's 日报 says of alarms, and of claims that were blocked (domain-rules §11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from core.screening.rules import rule_order, rule_title
from redemption.models import ExceptionItem
from redemption.settlement.reports import queries
from redemption.settlement.reports.reading import day_window, rows_of


@dataclass(frozen=True, slots=True)
class DayAlarms:
    """Hits by rule (count, redemptions concerned), cases opened, exceptions by kind; fen."""

    hits: dict[str, tuple[int, int]]
    cases: int
    frozen_fen: int
    exceptions: dict[str, tuple[int, int]]

    def notes(self) -> list[str]:
        """Return the lines above the table, on paper and in CSV."""
        hits = sum(count for count, _facts in self.hits.values())
        items = sum(count for count, _fen in self.exceptions.values())
        return [
            _(
                "当日告警：风控命中 %(hits)s 次%(rules)s，立案 %(cases)s 件；"
                "异常事项 %(items)s 条%(kinds)s。"
            )
            % {
                "hits": hits,
                "rules": _listed(
                    f"{rule_title(one)} {self.hits[one][0]}" for one in rule_order(self.hits)
                ),
                "cases": self.cases,
                "items": items,
                "kinds": _listed(
                    f"{ExceptionItem.Kind(kind).label} {count}"
                    for kind, (count, _fen) in self.exceptions.items()
                ),
            },
            _blocked(),
        ]

    def rows(self) -> list[Sequence[Any]]:
        """Return the rows of the sheet; what is not kept says so instead of a zero."""
        hits = [
            [_("风控命中"), rule_title(one), *self.hits[one], None, ""]
            for one in rule_order(self.hits)
        ] or [[_("风控命中"), _("无"), 0, 0, None, ""]]
        items = [
            [_("异常事项"), ExceptionItem.Kind(kind).label, count, None, fen, ""]
            for kind, (count, fen) in self.exceptions.items()
        ] or [[_("异常事项"), _("无"), 0, None, 0, ""]]
        note = _("金额为冻结金额")
        opened = [_("立案"), _("风险核查单"), self.cases, None, self.frozen_fen, note]
        return [
            *hits,
            opened,
            *items,
            [_("拦截的领取"), _("按原因"), _("未留存"), None, None, _blocked()],
        ]


def alarms_of_day(campaign_id: UUID, day: date) -> DayAlarms:
    """Return what was noticed on a campaign's natural day; one statement, a few rows."""
    hits: dict[str, tuple[int, int]] = {}
    exceptions: dict[str, tuple[int, int]] = {}
    cases = frozen = 0
    for _place, section, item, count, facts, fen in rows_of(
        queries.ALARMS, day_window(campaign_id, day)
    ):
        if section == "HIT":
            hits[item] = (count, facts)
        elif section == "CASE":
            cases, frozen = count, fen
        else:
            exceptions[item] = (count, fen)
    return DayAlarms(hits, cases, frozen, exceptions)


def _blocked() -> str:
    return _(
        "拦截的领取未留存：被拒绝的请求不写入数据库（原因随应答给渠道，可用同一流水号重试），"
        "因此没有按原因的笔数。"
    )


def _listed(words: Any) -> str:
    text = "、".join(words)
    return f"（{text}）" if text else ""
