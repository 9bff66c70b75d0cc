"""What an event of the log holds besides its reason, as a person reads it."""

from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.utils.translation import gettext_lazy as _

from core.access.models import Role, User
from core.admin.details import Labels, Line, detail_lines, in_label_order
from core.admin.words import job_kind_words
from core.audit.models import AuditEvent

Fields = Mapping[str, Any]

LABELS: Labels = {
    "campaign": _("活动代码"),
    "code": _("代码"),
    "number": _("版本号"),
    "version": _("版本号"),
    "name": _("名称"),
    "kind": _("类型"),
    "rule": _("规则"),
    "state": _("状态"),
    "old": _("改动前"),
    "new": _("改动后"),
    "old_hash": _("改动前摘要"),
    "new_hash": _("改动后摘要"),
    "rows": _("行数"),
    "stores": _("门店数"),
    "files": _("文件数"),
    "payouts": _("划付笔数"),
    "matched": _("相符笔数"),
    "matched_fen": _("相符补贴（元）"),
    "amount_fen": _("金额（元）"),
    "payout_fen": _("实付金额（元）"),
    "frozen_fen": _("冻结金额（元）"),
    "fen": _("金额（元）"),
    "filters": _("筛选条件"),
    "params": _("参数"),
    "counts": _("处理结果"),
    "merchants_new": _("新增商户"),
    "merchants_changed": _("变更商户"),
    "stores_new": _("新增门店"),
    "stores_changed": _("变更门店"),
    "payees_new": _("新增收款方"),
    "payees_changed": _("变更收款方"),
    "payees_renamed": _("更名收款方"),
    "terminals_new": _("新增终端"),
    "terminals_moved": _("移机终端"),
    "contacts_new": _("新增联系方式"),
    "role": _("角色"),
    "region": _("地区"),
    "organisation": _("机构代码"),
    "username": _("用户名"),
    "valid_until": _("有效期至"),
    "document_no": _("凭证号/文号"),
    "value_date": _("到账日期"),
    "outcome": _("结果"),
    "bank_ref": _("银行流水号"),
    "reference": _("划付流水号"),
    "terminal_no": _("终端号"),
    "passed": _("通过"),
    "key_id": _("密钥编号"),
    "algorithm": _("签名算法"),
    "look_back_days": _("回溯天数"),
    "people": _("人数"),
    "granted": _("已发放"),
    "refused": _("未发放"),
    "config_hash": _("方案摘要"),
    "evidence_hash": _("证据快照摘要"),
    "sha256": _("摘要（SHA-256）"),
}


def content_lines(event: AuditEvent) -> list[Line]:
    """Return the content of an event; names and values of its subject's fields in their words."""
    fields = _fields(event.subject_type)
    labels = {**{name: _label(one) for name, one in fields.items()}, **LABELS}
    return detail_lines(_said(in_label_order(event.data, labels), fields), labels)


def _fields(subject_type: str) -> Fields:
    """Return the fields of the model that the log calls by its name, with or without its app."""
    named = subject_type.rpartition(".")[2].replace("_", "")
    models = (one for one in apps.get_models() if one._meta.model_name == named)
    return {one.name: one for model in models for one in model._meta.fields}


def _label(field: Any) -> str:
    return str(field.verbose_name).replace("（分）", "（元）")  # amounts are shown in yuan


def _said(values: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    return {name: _value(name, value, fields.get(name), fields) for name, value in values.items()}


def _value(name: str, value: Any, field: Any, fields: Fields) -> Any:
    if isinstance(value, Mapping):
        return _said(value, fields)
    if isinstance(value, int) and getattr(field, "related_model", None) is User:
        return str(User.objects.filter(pk=value).first() or value)
    if not isinstance(value, str):
        return value
    choices = dict(Role.choices if name == "role" else getattr(field, "flatchoices", None) or ())
    return str(choices.get(value) or (job_kind_words(value) if name == "kind" else value))
