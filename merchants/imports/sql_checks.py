"""Checks over the staged rows, one statement each: rows (row_no, value, other) that are wrong."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from merchants.imports.columns import TITLES


@dataclass(frozen=True, slots=True)
class StagedCheck:
    """A check: the column it blames, the reason (with ``%(value)s``, ``%(other)s``), the query."""

    key: str
    reason: Any
    sql: str

    @property
    def column(self) -> str:
        """The heading of the column."""
        return TITLES[self.key]

    def words(self, value: object, other: object) -> str:
        """Write the reason."""
        return str(self.reason) % {"value": value, "other": other}


def _differs_from_first(key: str, what: str) -> str:
    """Rows that share ``key`` with an earlier row but differ from it in ``what``."""
    return f"""
        SELECT row_no, NULL, first_row FROM (
            SELECT row_no, {what} AS this, first_value({what}) OVER same AS first,
                   first_value(row_no) OVER same AS first_row
            FROM import_row WINDOW same AS (PARTITION BY {key} ORDER BY row_no)
        ) AS compared WHERE this IS DISTINCT FROM first
    """  # noqa: S608 - both are column names written below


CHECKS = (
    StagedCheck(
        "merchant_name",
        _("与第 %(other)s 行统一社会信用代码相同，但商户名称不同"),
        _differs_from_first("uscc", "merchant_name"),
    ),
    StagedCheck(
        "mcc",
        _("与第 %(other)s 行统一社会信用代码相同，但 MCC 不同"),
        _differs_from_first("uscc", "mcc"),
    ),
    StagedCheck(
        "merchant_no",
        _("收单商户号与第 %(other)s 行重复，但统一社会信用代码不同"),
        _differs_from_first("merchant_no", "uscc"),
    ),
    StagedCheck(
        "account",
        _("与第 %(other)s 行收单商户号相同，但收款账号不同"),
        _differs_from_first("merchant_no", "account_hashes[1]"),
    ),
    StagedCheck(
        "account_name",
        _("与第 %(other)s 行收单商户号相同，但收款户名不同"),
        _differs_from_first("merchant_no", "account_name"),
    ),
    StagedCheck(
        "address",
        _("与第 %(other)s 行为同一门店，但地址不同"),
        _differs_from_first("(uscc, store_name, region_code)", "address"),
    ),
    StagedCheck(
        "store_name",
        _("与第 %(other)s 行重复"),
        """
        SELECT row_no, NULL, first_row FROM (
            SELECT row_no, min(row_no) OVER (
                PARTITION BY uscc, store_name, region_code, merchant_no) AS first_row
            FROM import_row
        ) AS compared WHERE row_no > first_row
        """,
    ),
    StagedCheck(
        "terminal_nos",
        _("终端号 %(value)s 与第 %(other)s 行重复"),
        """
        SELECT row_no, terminal_no, first_row FROM (
            SELECT row_no, terminal_no, min(row_no) OVER (PARTITION BY terminal_no) AS first_row
            FROM import_terminal
        ) AS compared WHERE row_no > first_row
        """,
    ),
    StagedCheck(
        "uscc",
        _("该商户已清退，不得重新报送"),
        """
        SELECT i.row_no, NULL, NULL FROM import_row i
        JOIN merchants_merchant m ON m.uscc = i.uscc WHERE m.state = 'REMOVED'
        """,
    ),
    StagedCheck(
        "merchant_name",
        _("该统一社会信用代码已由其他地区登记，名称不一致"),
        """
        SELECT i.row_no, NULL, NULL FROM import_row i
        JOIN merchants_merchant m ON m.uscc = i.uscc
        WHERE m.owner_region NOT BETWEEN %(first)s AND %(last)s AND m.name <> i.merchant_name
        """,
    ),
    StagedCheck(
        "merchant_no",
        _("收单商户号已属于其他商户"),
        """
        SELECT DISTINCT i.row_no, NULL, NULL FROM import_row i
        JOIN merchants_payee p
          ON p.acquirer_id = %(acquirer)s AND p.merchant_no = i.merchant_no
        JOIN merchants_merchant m ON m.id = p.merchant_id
        WHERE m.uscc <> i.uscc
        """,
    ),
    StagedCheck(
        "terminal_nos",
        _("终端号 %(value)s 已属于其他商户的门店"),
        """
        SELECT i.row_no, x.terminal_no, NULL FROM import_terminal x
        JOIN import_row i USING (row_no)
        JOIN merchants_terminal t
          ON t.acquirer_id = %(acquirer)s AND t.terminal_no = x.terminal_no
        JOIN merchants_store s ON s.id = t.store_id
        JOIN merchants_merchant m ON m.id = s.merchant_id
        WHERE m.uscc <> i.uscc
        """,
    ),
)
