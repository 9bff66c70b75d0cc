"""The campaign's own fields in words, for the rules page and for the checker of a version."""

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.definition.model import CampaignSpec, FunderSpec, SubmittedDocument
from campaigns.models import Campaign, Funder, Funding
from core.access.regions import region_names
from core.money import yuan_text
from core.passages import Passage, english, joined, moment_words

DOCUMENT_KINDS = {
    "PLAN_APPROVAL": gettext_lazy("实施方案批复"),
    "FAIR_COMPETITION": gettext_lazy("公平竞争审查"),
    "LEGAL_REVIEW": gettext_lazy("合法性审查"),
    "FUNDING": gettext_lazy("资金文件"),
    "OPERATOR_AGREEMENT": gettext_lazy("承办协议"),
}


def own_lines(spec: CampaignSpec) -> list[str]:
    """Return the bureau's own text, one line each; it is Chinese, so an English reader gets none.

    Every rule that counts is said from the frozen fields, in both languages.
    """
    return [] if english() else _text_lines(spec)


def period_lines(spec: CampaignSpec) -> list[str]:
    """Return when and where the campaign runs."""
    return [
        _("活动期间：%(start)s 至 %(end)s（不含）")
        % {"start": moment_words(spec.starts_at), "end": moment_words(spec.ends_at)},
        _("活动地区：%(names)s") % {"names": _region_words(spec.regions)},
    ]


def funder_lines(spec: CampaignSpec) -> list[str]:
    """Return who pays, of which level and in which mode."""
    return [_funder_words(funder) for funder in spec.funders]


def contact_lines(spec: CampaignSpec, organisation: str) -> list[str]:
    """Return whom to turn to: the organising office by name, else the bureau of the region."""
    region = _region_words([spec.owner_region])
    named = (
        _("主办机构：%(organisation)s（%(region)s）")
        if organisation
        else _("主办机构：%(region)s活动主管部门")
    )
    return [
        named % {"organisation": organisation, "region": region},
        _("对领取、使用或退款有疑问或要投诉的，请向主办机构反映，并说明活动名称和规则版本"),
    ]


def campaign_checked_words(spec: CampaignSpec) -> list[Passage]:
    """Return everything that is approved beside the sections: period, money, documents, notes."""
    return [
        Passage("campaign", _("活动"), (*_head_lines(spec), *period_lines(spec))),
        Passage(
            "funders",
            _("出资方"),
            tuple(line for one in spec.funders for line in _quota_lines(one)),
        ),
        Passage("documents", _("报批材料"), tuple(map(_document_words, spec.documents))),
        Passage("own_text", _("活动说明"), tuple(_text_lines(spec))),
        Passage("notes", _("附注"), tuple(_note_lines(spec))),
    ]


def _text_lines(spec: CampaignSpec) -> list[str]:
    return [line for line in spec.rules_text.splitlines() if line.strip()]


def _head_lines(spec: CampaignSpec) -> Iterator[str]:
    yield _("活动名称：%(title)s") % {"title": spec.title}
    yield _("活动代码：%(code)s") % {"code": spec.code}
    yield _("归属地区：%(name)s") % {"name": _region_words([spec.owner_region])}
    if spec.organisation:
        yield _("主办机构代码：%(code)s") % {"code": spec.organisation}
    path = Campaign.SettlementPath(spec.settlement_path).label
    yield _("结算路径：%(path)s") % {"path": path}


def _note_lines(spec: CampaignSpec) -> Iterator[str]:
    for programme in spec.announced:
        yield _("预告：%(title)s（%(mark)s）") % {
            "title": programme.title,
            "mark": programme.mark,
        }
        for figure in programme.figures:
            yield f"{programme.title} · {figure.label}：{figure.value} {figure.source}".rstrip()
    for mark in spec.illustrative:
        yield _("示意内容：%(path)s（%(note)s）") % {"path": mark.path, "note": mark.note}
    for source in (*spec.records, *spec.sources):
        yield _("来源：%(source)s") % {"source": source}


def _funder_words(funder: FunderSpec) -> str:
    return _("%(name)s（%(level)s，%(mode)s）") % {
        "name": funder.name,
        "level": Funder.Level(funder.level).label,
        "mode": Funding.Mode(funder.mode).label,
    }


def _quota_lines(funder: FunderSpec) -> Iterator[str]:
    document = funder.document
    yield _("%(funder)s：预算额度 %(quota)s 元") % {
        "funder": _funder_words(funder),
        "quota": yuan_text(funder.quota_fen),
    }
    yield _("%(name)s：文号 %(number)s，%(year)s 年，项目编码 %(code)s，对应机构 %(office)s") % {
        "name": funder.name,
        "number": document.number,
        "year": document.year,
        "code": document.project_code or "-",
        "office": funder.organisation or "-",
    }


def _document_words(document: SubmittedDocument) -> str:
    return _("%(kind)s：%(number)s，%(day)s，文件摘要 %(sha256)s") % {
        "kind": DOCUMENT_KINDS[document.kind],
        "number": document.number,
        "day": document.date,
        "sha256": document.sha256 or "-",
    }


def _region_words(codes: tuple[str, ...] | list[str]) -> str:
    names = region_names(codes)
    return joined(names.get(code, code) for code in codes)
