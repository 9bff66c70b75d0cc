"""What a document may not change any more once its campaign has an approved version."""

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext as _

from campaigns.definition.document import Definition
from campaigns.definition.registry import Problem, sections
from campaigns.errors import DefinitionInvalidError
from campaigns.models import Campaign, Funder


def assert_change_allowed(definition: Definition, campaign: Campaign, now: datetime) -> None:
    """Check a document against the rows of its campaign and of its funders.

    Raises:
        DefinitionInvalidError: names every path that cannot follow on what there is.
    """
    problems = list(_funder_rows(definition))
    problems += _campaign(definition, campaign, now)
    for section in sections():
        value = definition.values[section.name]
        problems += section.check_change(definition.spec, value, campaign)
    _raise(problems)


def assert_ahead(definition: Definition, campaign: Campaign, now: datetime) -> None:
    """Check that nobody is asked to approve what is over.

    Raises:
        DefinitionInvalidError: names every window that has passed.
    """
    problems = []
    if campaign.version_id is None and definition.spec.ends_at <= now:
        problems.append(Problem("ends_at", _("活动结束时间已过")))
    for section in sections():
        value = definition.values[section.name]
        problems += section.check_past(definition.spec, value, campaign, now)
    _raise(problems)


def _raise(problems: list[Problem]) -> None:
    if problems:
        raise DefinitionInvalidError.listed((one.path, one.reason) for one in problems)


def _funder_rows(definition: Definition) -> Iterator[Problem]:
    specs = {funder.code: index for index, funder in enumerate(definition.spec.funders)}
    for row in Funder.objects.filter(code__in=specs).order_by("code"):
        funder = definition.spec.funders[specs[row.code]]
        if (funder.name, funder.level) != (row.name, row.level):
            yield Problem(
                f"funders[{specs[row.code]}].code",
                _("该代码已登记为：%(name)s（%(level)s）")
                % {"name": row.name, "level": row.get_level_display()},
            )


def _campaign(definition: Definition, campaign: Campaign, now: datetime) -> Iterator[Problem]:
    spec = definition.spec
    if campaign.owner_region != spec.owner_region:
        yield Problem("owner_region", _("归属地区不可变更"))
    if campaign.version_id is None:
        return
    if campaign.settlement_path != spec.settlement_path:
        yield Problem("settlement_path", _("批准后结算路径不可变更"))
    if campaign.starts_at <= now and campaign.starts_at != spec.starts_at:
        yield Problem("starts_at", _("活动开始后开始时间不可变更"))
    if campaign.ends_at != spec.ends_at and spec.ends_at <= now:
        yield Problem("ends_at", _("结束时间应晚于当前时间；提前结束请使用“结束活动”"))
    specs = {funder.code: (index, funder) for index, funder in enumerate(spec.funders)}
    for code, mode in campaign.fundings.values_list("funder__code", "mode"):
        if code not in specs:
            yield Problem("funders", _("已批准的出资方不能删除：%(code)s") % {"code": code})
        elif specs[code][1].mode != mode:
            yield Problem(f"funders[{specs[code][0]}].mode", _("批准后出资方式不可变更"))
