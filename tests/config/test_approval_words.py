"""What a checker reads: whom a request is about by name, what takes effect in words."""

import html
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models import Model

from campaigns.models import Whitelist
from campaigns.services.adjustments import AdjustmentKind, adjustment_request
from campaigns.services.closing import campaign_audit, campaign_clear, campaign_close_request
from campaigns.services.funds import funds_movement_request
from campaigns.services.lifecycle import campaign_end, campaign_restart_request, campaign_stop
from campaigns.services.whitelists import whitelist_build, whitelist_submit
from core.access.models import Role
from core.approvals.models import Approval
from core.approvals.registry import approval_kinds
from core.approvals.services import approval_decide
from core.clock import TIME_ZONE
from core.models import Case, Hit
from core.screening.models import CaseState
from core.screening.services.cases import case_decide
from redemption.models import ExceptionItem, Redemption
from redemption.settlement.models import Discrepancy, Payout, ReconDay, SettlementBatch
from redemption.settlement.recon.days import discrepancy_resolve, suspense_submit
from redemption.settlement.services.lifecycle import settlement_check, settlement_submit
from redemption.settlement.states import DiscrepancyState
from tests.factories.approvals import approve
from tests.factories.campaigns import campaign_live
from tests.factories.merchants import LIUZHOU, store_make
from tests.factories.redemption import confirmed_make, shop_make
from tests.factories.running import BEFORE, campaign_running
from tests.factories.staff import staff_make
from tests.redemption.settlement.factories import DAY, NIGHT, answer, built, results_record, sent
from tests.support.admin import Staff
from vouchers.models import Batch
from vouchers.services.releases import quota_release_close
from vouchers.services.switches import batch_switch_off, batch_switch_on_request

pytestmark = pytest.mark.django_db
FIRST = datetime(2026, 3, 6, 9, tzinfo=TIME_ZONE)
AFTER = datetime(2026, 4, 2, 9, tzinfo=TIME_ZONE)
UUID_TEXT = re.compile(r">[^<]*[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def field(page: Staff, row: Model, name: str) -> str:
    """Return the markup of the read-only field with this label on a row's page."""
    text = page.html(page.page_url(row))
    found = re.search(rf'{name}</label>.*?<div class="readonly[^>]*>(.*?)</div>', text, re.DOTALL)
    assert found, name
    return html.unescape(found[1])


def assert_says(approval: Approval, about: Model, name: str, lines: list[str]) -> None:
    """The list and the page name the subject; the page links it and says every line."""
    reader = Staff.of(Role.AUDITOR)
    text = reader.html(reader.page_url(approval))
    assert f'href="{reader.page_url(about)}">{name}</a>' in html.unescape(text), name
    said = [html.unescape(one) for one in re.findall(r"<li>([^<]+)</li>", text)]
    assert [one for one in said if one in lines] == lines
    listed = reader.html(reader.list_url(Approval))
    assert name in html.unescape(listed)
    assert not UUID_TEXT.search(listed)


def test_every_matter_describes_itself() -> None:
    words = {kind.kind: kind.describe.__name__ for kind in approval_kinds()}
    assert "no_description" not in words.values(), words


def test_a_restart_names_its_campaign() -> None:
    campaign, maker = campaign_running(), staff_make(Role.CAMPAIGN_MAKER)
    campaign_stop(campaign_id=campaign.pk, reason="发现套现", actor=maker, now=FIRST)
    approval = campaign_restart_request(
        campaign_id=campaign.pk, reason="已处置", actor=maker, now=FIRST
    )
    lines = ["春季消费券 恢复领取和投放", "同时恢复核销", "按已生效的方案第 1 版运行"]
    assert_says(approval, campaign, "活动 · 春季消费券", lines)


def test_funds_and_adjustments_name_campaign_and_funder() -> None:
    campaign = campaign_running()
    values: dict[str, Any] = {
        "campaign_id": campaign.pk,
        "funder_id": campaign.fundings.get(position=0).funder_id,
        "actor": staff_make(Role.CAMPAIGN_MAKER),
        "now": FIRST,
        "amount_fen": 80_000,
    }
    funds = funds_movement_request(
        kind="RECEIVED", document_no="拨1号", value_date=DAY, reason="", **values
    )
    lines = ["春季消费券 · 自治区财政", "拨付到账 800.00 元", "凭证号 拨1号，日期 2026-03-06"]
    assert_says(funds, campaign, "资金收支 · 春季消费券", lines)
    approve(funds, now=FIRST)
    values["amount_fen"] = 30_000
    adjustment = adjustment_request(
        kind=AdjustmentKind.RECEIPT_REVERSED, reason="重复登记", **values
    )
    lines = ["春季消费券 · 自治区财政", "冲回误记到账 300.00 元", "借：应收出资款；贷：到账资金"]
    assert_says(adjustment, campaign, "调账 · 春季消费券", lines)


def test_a_list_says_what_it_changes() -> None:
    campaign, maker = campaign_running(), staff_make(Role.LIST_MAKER)
    numbers = [store_make().store_no for _ in range(2)]
    whitelist = whitelist_build(campaign_id=campaign.pk, store_nos=numbers, actor=maker, now=BEFORE)
    approval = whitelist_submit(whitelist_id=whitelist.pk, actor=maker, now=BEFORE)
    lines = [
        "春季消费券 参与商户名单第 2 版，共 2 家门店",
        "与第 1 版相比：新增 2 家，移出 1 家",
    ]
    about = Whitelist.objects.get(number=2)
    assert_says(approval, about, "参与商户名单 · 春季消费券 v2", lines)


def test_closing_says_what_is_left_for_whom() -> None:
    campaign, maker = campaign_running(), staff_make(Role.CAMPAIGN_MAKER)
    campaign_end(campaign_id=campaign.pk, reason="期满", actor=maker, now=AFTER)
    quota_release_close(now=AFTER)
    campaign_clear(campaign_id=campaign.pk, actor=maker, now=AFTER)
    done: dict[str, Any] = {"campaign_id": campaign.pk, "actor": maker, "now": AFTER}
    campaign_audit(document_no="审1号", conclusion="无保留", **done)
    approval = campaign_close_request(reason="审计完成", **done)
    lines = [
        f"{name}：结余 {yuan} 元，其中缴回现金 0.00 元，冲销额度 {yuan} 元"
        for name, yuan in (
            ("自治区财政", "2000.00"),
            ("合作银行", "700.00"),
            ("商户让利", "300.00"),
        )
    ]
    assert_says(approval, campaign, "活动 · 春季消费券", lines)
    approve(approval, now=AFTER)
    lines = ["活动已关闭，结余已按出资方登记缴回或冲销"]
    assert_says(approval, campaign, "活动 · 春季消费券", lines)


def test_a_switch_names_its_batch() -> None:
    live, maker = campaign_live(), staff_make(Role.CAMPAIGN_MAKER)
    same: dict[str, Any] = {"batch_id": live.batch.pk, "side": "claims", "actor": maker}
    batch_switch_off(reason="异常", now=FIRST, **same)
    approval = batch_switch_on_request(reason="已处置", now=FIRST, **same)
    batch = Batch.objects.get()
    lines = [
        f"{live.campaign.title} · {batch.name}",
        "恢复领取",
        f"已投放 {batch.released} 张，已领取 {batch.issued} 张",
    ]
    assert_says(approval, batch, f"券批次 · {batch.name} {batch.code}", lines)


def test_a_settlement_batch_says_how_its_payout_is_made_up() -> None:
    shop, maker = shop_make(), staff_make(Role.SETTLEMENT_MAKER)
    confirmed_make(shop)
    batch = built(shop)
    settlement_check(batch_id=batch.pk, actor=maker, now=NIGHT)
    approval = settlement_submit(batch_id=batch.pk, maker=maker, now=NIGHT)
    lines = [
        f"{shop.live.campaign.title} · {shop.terminal.acquirer.name}",
        "账务日期 2026-03-06，应付日期 2026-03-09",
        "应结 27.00 元，退款扣回 0.00 元，上期结转 0.00 元，结转下期 0.00 元",
        "实付 27.00 元：1 个收款方，1 笔明细",
    ]
    assert_says(approval, SettlementBatch.objects.get(), f"结算批次 · {batch.code}", lines)


def test_a_suspense_list_names_its_rows() -> None:
    shop, maker = shop_make(), staff_make(Role.SETTLEMENT_MAKER)
    one = difference_make(shop)
    discrepancy_resolve(
        discrepancy_id=one.pk,
        target=DiscrepancyState.SUSPENSE,
        resolution="待机构核实",
        evidence="",
        actor=maker,
        now=NIGHT,
    )
    approval = suspense_submit(day_id=one.day_id, maker=maker, now=NIGHT)
    name = shop.terminal.acquirer.name
    lines = [
        f"{name} 2026-03-06 的差错转入挂账",
        "金额不符 T1：差额 -1.00 元，待机构核实",
    ]
    assert_says(approval, ReconDay.objects.get(), f"对账日 · {name} 2026-03-06", lines)
    approve_as(approval, Role.SETTLEMENT_CHECKER)
    assert_says(approval, ReconDay.objects.get(), f"对账日 · {name} 2026-03-06", lines)


def test_a_case_says_its_outcome_rules_and_money() -> None:
    live, maker = campaign_live(), staff_make(Role.RISK_MAKER)
    case = Case.objects.create(
        campaign_id=live.campaign.pk,
        subject_type="STORE",
        subject_id="s-1",
        subject_label="示意餐饮店",
        owner_region=live.campaign.owner_region,
        opened_at=FIRST,
        due_on=AFTER.date(),
        frozen_fen=1_200_000,
    )
    Hit.objects.create(
        rule="FM10",
        rule_version=1,
        family="PEOPLE",
        campaign_id=live.campaign.pk,
        subject_type="STORE",
        subject_id="s-1",
        window_from=FIRST,
        window_until=AFTER,
        evidence={},
        case=case,
        at=FIRST,
    )
    approval = case_decide(
        case_id=case.pk, outcome=CaseState.UPHELD, reason="证据充分", actor=maker, now=FIRST
    )
    assert isinstance(approval, Approval)
    lines = [
        "示意餐饮店：属实",
        "命中规则：FM10 员工自刷",
        "冻结金额 12000.00 元，追回冻结金额",
        "结论理由：证据充分",
    ]
    assert_says(approval, case, "风险核查单 · 示意餐饮店", lines)


def test_a_subject_is_linked_only_for_those_who_may_see_it() -> None:
    shop, maker = shop_make(), staff_make(Role.SETTLEMENT_MAKER)
    confirmed_make(shop)
    batch = built(shop)
    settlement_check(batch_id=batch.pk, actor=maker, now=NIGHT)
    approval = settlement_submit(batch_id=batch.pk, maker=maker, now=NIGHT)
    reader = Staff.of(Role.LIST_MAKER)  # reads approvals, not settlement
    text = field(reader, approval, "对象")
    assert batch.code in text
    assert "<a" not in text


def test_exceptions_and_differences_speak_chinese() -> None:
    shop = shop_make()
    paid = confirmed_make(shop)
    batch = sent(built(shop))
    payout = batch.payouts.get()
    results_record([answer(payout, "RETURNED", reason="账号户名不符")])
    late = ExceptionItem.objects.create(
        kind=ExceptionItem.Kind.LATE_CONFIRM,
        subject_id=str(paid),
        owner_region=batch.owner_region,
        amount_fen=3_000,
        data={"order_no": "D1", "trade_no": "T9", "at": "2026-03-06T01:02:03Z"},
        opened_at=NIGHT,
    )
    returned = ExceptionItem.objects.get(kind="PAYOUT_RETURNED")
    reader = Staff.of(Role.SETTLEMENT_CHECKER)
    listed = reader.html(reader.list_url(ExceptionItem))
    for words in (
        "订单 D1",
        "订单号：D1；渠道交易号：T9；到达时间：2026-03-06 09:02:03",
        f"划付 {payout.reference} 第 1 次发送",
        f"划付流水号：{payout.reference}；退汇原因：账号户名不符",
    ):
        assert words in listed, words
    assert not UUID_TEXT.search(listed)
    links = ((late, Redemption.objects.get()), (returned, Payout.objects.get()))
    for item, about in links:
        text = reader.html(reader.page_url(item))
        assert f'href="{reader.page_url(about)}"' in text
        assert "xfq-json" not in text
        assert "order_no" not in text
    one = difference_make(shop)
    text = reader.html(reader.page_url(one))
    assert "订单金额之差（对方减平台，元）" in text
    assert "-100.00" in text
    assert "order_diff_fen" not in text


def test_another_city_sees_no_name_through_a_link() -> None:
    shop = shop_make()
    confirmed_make(shop)
    item = ExceptionItem.objects.create(
        kind=ExceptionItem.Kind.LATE_CONFIRM,
        subject_id=str(Redemption.objects.get().pk),
        owner_region=LIUZHOU,
        data={"order_no": "D1"},
        opened_at=NIGHT,
    )
    reader = Staff.of(Role.SETTLEMENT_CHECKER, region=LIUZHOU)
    text = field(reader, item, "对象")
    assert "订单 D1" in text
    assert "<a" not in text


def difference_make(shop: Any) -> Discrepancy:
    """Return a difference of one yuan on the shop's day."""
    day, _made = ReconDay.objects.get_or_create(
        acquirer=shop.terminal.acquirer,
        business_date=DAY,
        owner_region=shop.live.campaign.owner_region,
    )
    return Discrepancy.objects.create(
        day=day,
        kind=Discrepancy.Kind.AMOUNT_DIFFERS,
        trade_no="T1",
        ours_fen=3_000,
        theirs_fen=2_900,
        amount_fen=-100,
        detail={"order_diff_fen": -10_000},
        owner_region=day.owner_region,
        found_at=NIGHT + timedelta(hours=1),
    )


def approve_as(approval: Approval, role: str) -> None:
    """Agree as somebody of a role."""
    approval_decide(approval_id=approval.pk, checker=staff_make(role), agree=True, now=NIGHT)
