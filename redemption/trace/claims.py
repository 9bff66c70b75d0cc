"""The first stations: where the voucher came from, under which rules, paid by whom."""

from collections.abc import Mapping
from uuid import UUID

from django.utils.translation import gettext as _

from core.admin.columns import yuan_grouped
from core.ids import to_public
from core.models import Approval
from redemption.models import RedemptionLine
from redemption.trace.stage import Fact, Stage, Table, moment, names
from vouchers.api.prefixes import CLAIM, VOUCHER
from vouchers.naming import scope_names
from vouchers.rules.model import rules_read
from vouchers.rules.words import rules_words


def claim_stage(line: RedemptionLine) -> Stage:
    """Return where the voucher was claimed and which wave it came from; never who claimed it."""
    voucher = line.voucher
    claim = voucher.claim
    release = claim.slice.release
    return Stage(
        _("领取"),
        (
            Fact(
                _("活动"), voucher.campaign.title, "campaigns_campaign_change", voucher.campaign_id
            ),
            Fact(_("券批次"), voucher.batch.name, "vouchers_batch_change", voucher.batch_id),
            Fact(_("投放"), moment(release.slot), "vouchers_quotarelease_change", release.pk),
            Fact(_("领取单号"), to_public(CLAIM, claim.pk), "vouchers_claim_change", claim.pk),
            Fact(_("领取时间"), moment(claim.at)),
            Fact(_("发券渠道"), str(claim.client)),
            Fact(_("券码"), voucher.code, "vouchers_voucher_change", voucher.pk),
            Fact(_("消费券编号"), to_public(VOUCHER, voucher.pk)),
            Fact(_("批次内序号"), str(voucher.number)),
            Fact(_("券状态"), voucher.get_state_display()),
            Fact(_("有效期"), f"{moment(voucher.valid_from)} — {moment(voucher.valid_until)}"),
            Fact(_("记账凭证"), _("查看"), "core_entry_change", claim.entry_id),
        ),
    )


def version_stage(line: RedemptionLine) -> Stage:
    """Return the frozen rules the voucher was issued under, and who agreed to them."""
    frozen = line.voucher.batch_version
    version = frozen.version
    approval = version.approval
    rules = rules_read(frozen.rules)
    words = rules_words(rules, face_fen=line.voucher.face_fen, names=scope_names([rules]))
    return Stage(
        _("规则版本与批准"),
        (
            Fact(
                _("方案版本"),
                _("第 %(number)s 版") % {"number": version.number},
                "campaigns_version_change",
                version.pk,
            ),
            Fact(_("方案摘要（SHA-256）"), version.config_hash),
            *approval_facts(approval),
            Fact(_("冻结时间"), moment(version.frozen_at)),
        ),
        (Table(_("适用规则"), (_("规则"),), tuple((one,) for one in words), amounts=0),),
    )


def approval_facts(approval: Approval | None) -> tuple[Fact, ...]:
    """Return maker and checkers of an approval; needs maker and decisions."""
    if approval is None:
        return ()
    agreed = [one for one in approval.decisions.all() if one.agreed]
    return (
        Fact(_("审批"), approval.title, "core_approval_change", approval.pk),
        Fact(_("经办"), str(approval.maker)),
        Fact(_("复核"), names(one.checker for one in agreed)),
        Fact(_("批准时间"), moment(approval.decided_at)),
    )


def funders_stage(line: RedemptionLine, funders: Mapping[UUID, str]) -> Stage:
    """Return who pays which part of the face and of what was used."""
    batch = line.voucher.batch
    rows = [
        (
            funders.get(funder, str(funder)),
            _("商户让利（不结算）") if concession else _("结算给商户"),
            str(weight),
            yuan_grouped(part),
            yuan_grouped(used),
        )
        for funder, concession, weight, part, used in zip(
            batch.funder_ids,
            batch.concessions,
            batch.weights,
            line.voucher.parts,
            line.parts,
            strict=True,
        )
    ]
    total = (
        _("合计"),
        "",
        str(sum(batch.weights)),
        yuan_grouped(line.voucher.face_fen),
        yuan_grouped(line.used_fen),
    )
    columns = (_("出资方"), _("性质"), _("比例"), _("面额分摊（元）"), _("抵用分摊（元）"))
    return Stage(
        _("出资分摊"),
        tables=(
            Table(_("发放时即固定；退回补贴时按同一比例"), columns, (*rows, total), amounts=3),
        ),
    )
