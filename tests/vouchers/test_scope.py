"""Stores, brands and tiers in a definition: checked, drafted, put into words, shown on the page."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from campaigns.definition.document import Definition, definition_build
from campaigns.definition.writing import definition_write
from campaigns.errors import DefinitionInvalidError
from campaigns.models import Campaign
from campaigns.services.drafts import campaign_draft_save
from campaigns.services.readiness import readiness_problems
from core.errors import InvalidParametersError
from merchants.models import Brand
from merchants.services import brand_create
from tests.factories.definitions import document_make
from tests.factories.merchants import LIUBEI, NANNING, brand_make, merchant_make, store_make
from tests.factories.running import BEFORE, campaign_approved
from tests.vouchers.test_draft_editor import edit_url, form_data, login, saved

pytestmark = pytest.mark.django_db


def document_of(**use: Any) -> dict[str, Any]:
    document = document_make(regions=[NANNING])
    document["batches"][0]["rules"]["use"] = use
    return document


def private(document: dict[str, Any]) -> dict[str, Any]:
    """Leave the treasury out, and ask for no more than the others have."""
    batch = document["batches"][0]
    batch |= {"funders": {"bank": 70, "merchants": 30}, "units": 30}
    batch["releases"] = [{"slot": "2026-03-06T08:00:00+08:00", "units": 30}]
    return document


def wrong(document: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(DefinitionInvalidError) as refused:
        definition_build(document)
    return {param.name: str(param.reason) for param in refused.value.invalid_params}


def not_ready(definition: Definition) -> dict[str, str]:
    return {problem.path: problem.reason for problem in definition.not_ready()}


USE = "batches[0].rules.use"


def test_what_is_not_known_is_told_with_its_path_and_keeps_it_from_going_live(
    tmp_path: Path,
) -> None:
    here, away = store_make(), store_make(region=LIUBEI)
    brand_make(code="youwei")
    document = document_of(
        stores=[here.store_no, "nowhere", away.store_no], brands=["youwei", "nobody"]
    )
    told = {
        f"{USE}.stores[1]": "没有这个门店：nowhere",
        f"{USE}.stores[2]": f"门店不在适用地区内：{away.store_no}",
        f"{USE}.brands[1]": "没有这个品牌：nobody",
    }
    with CaptureQueriesContext(connection) as asked:
        assert not_ready(definition_build(document)) == told
    assert len([one for one in asked if "merchants_" in one["sql"]]) == 2
    path = tmp_path / "draft.yaml"
    path.write_text(definition_write(document, "yaml"), encoding="utf-8")
    call_command("campaign_check", str(path), stdout=(out := StringIO()))
    assert [f"尚不能上线：{where}：{why}" for where, why in told.items()] == (
        out.getvalue().splitlines()[1:]
    )
    assert readiness_problems(campaign_approved(document)) == list(told.items())


def test_contradictions_are_refused_with_their_path() -> None:
    document = document_of(stores=["a", "b", "a"], brands=["x", "x"], tiers=["3A"], whitelist=False)
    assert wrong(document) == {
        f"{USE}.stores[2]": "重复：a",
        f"{USE}.brands[1]": "重复：x",
        f"{USE}.tiers": "有财政资金的批次不得以商户分级作为适用条件",
    }
    definition_build(private(document_of(tiers=["3A", "2A"])))
    for value in ("4A", "-"):
        assert list(wrong(document_of(tiers=[value]))) == [f"{USE}.tiers[0]"]
    assert list(wrong(document_of(stores=["门店一"]))) == [f"{USE}.stores[0]"]
    assert list(wrong(document_of(stores=[f"s{n}" for n in range(501)]))) == [f"{USE}.stores"]
    assert not Campaign.objects.exists()


def test_the_approver_reads_every_code_and_the_citizen_names() -> None:
    stores = [store_make(name=f"{n}号店") for n in range(7)]
    brand_make("有味", code="youwei")
    definition = definition_build(
        document_of(stores=[store.store_no for store in stores], brands=["youwei"])
    )
    (citizen,) = definition.rules_words()
    assert "限0号店、1号店、2号店、3号店、4号店等7家门店使用" in citizen.lines
    assert "限有味品牌的门店使用" in citizen.lines
    checked = definition.checked_words()[-1]
    codes = "、".join(store.store_no for store in stores)
    assert f"适用门店编号：{codes}" in checked.lines
    assert "适用品牌代码：youwei" in checked.lines
    with override("en"):
        (citizen,) = definition.rules_words()
    assert "Only at 0号店, 1号店, 2号店, 3号店, 4号店 and others, 7 stores in all" in citizen.lines
    assert "Only at stores of the brand 有味" in citizen.lines


def test_the_draft_page_keeps_and_changes_them() -> None:
    document = private(document_of(stores=["s1", "s2"], brands=["youwei"], tiers=["3A"]))
    campaign = campaign_draft_save(document=document, actor=None, now=BEFORE)
    client, before = login(), saved()
    data = form_data(client.get(edit_url(campaign)))
    assert client.post(edit_url(campaign), data).status_code == 302
    assert saved() == before
    data |= {
        "batches-0-stores": "s1\ns3 s4",
        "batches-0-brands": "b2 youwei",
        "batches-0-use_tiers": ["2A", "1A"],
    }
    assert client.post(edit_url(campaign), data).status_code == 302
    use = saved()["batches"][0]["rules"]["use"]
    assert use["stores"] == ["s1", "s3", "s4"]
    assert use["brands"] == ["b2", "youwei"]
    assert use["tiers"] == ["2A", "1A"]


def goods(code: str, name: str = "商品", *, kind: str = "sku") -> dict[str, str]:
    return {kind: code, "name": name}


def test_goods_that_count_and_do_not_are_a_contradiction() -> None:
    assert wrong(
        document_of(
            items=[goods("rice"), goods("OIL", kind="category"), goods("rice", "又一种")],
            excluded_items=[
                goods("OIL", kind="category"),
                goods("OIL"),
                goods("FUEL", kind="category"),
                {"name": "没有编码"},
                {"sku": "a", "category": "b", "name": "两种编码"},
            ],
            excluded_goods=["FUEL"],
        )
    ) == {
        f"{USE}.items[2]": "与 items[0] 重复或矛盾：rice",
        f"{USE}.excluded_items[0]": "与 items[1] 重复或矛盾：OIL",
        f"{USE}.excluded_items[2]": "与 excluded_goods[0] 重复或矛盾：FUEL",
        f"{USE}.excluded_items[3]": "sku 与 category 须且只须填写一个",
        f"{USE}.excluded_items[4]": "sku 与 category 须且只须填写一个",
    }
    assert list(wrong(document_of(items=[{"sku": "rice"}]))) == [f"{USE}.items[0].name"]
    assert list(wrong(document_of(items=[goods("大米")]))) == [f"{USE}.items[0].sku"]
    for name in ("", " 米", "米 ", "米\n油", "米" * 41):
        assert list(wrong(document_of(items=[goods("rice", name)]))) == [f"{USE}.items[0].name"]
    many = [goods(f"s{number}") for number in range(201)]
    assert list(wrong(document_of(items=many))) == [f"{USE}.items"]


def test_goods_are_said_and_kept_by_the_draft_page() -> None:
    document = document_of(
        items=[goods(f"s{number}", f"{number}号米") for number in range(9)],
        excluded_items=[goods("OIL", "油", kind="category")],
        excluded_goods=["FUEL"],
    )
    definition = definition_build(document)
    (citizen,) = definition.rules_words()
    names = "、".join(f"{number}号米" for number in range(8))
    assert f"仅{names}等9种商品的金额计入用券金额" in citizen.lines
    assert "购买成品油、油的金额不计入用券金额" in citizen.lines
    till, _undoing = definition.till_words()
    assert "逐项录入商品编码、件数和金额，平台只按适用商品计算" in till.lines
    only_excluded = definition_build(document_of(excluded_items=[goods("OIL", "油")]))
    till, _undoing = only_excluded.till_words()
    assert "单列不计入用券的商品金额，平台先扣除再判断" in till.lines
    checked = definition.checked_words()[-1].lines
    assert "不适用商品：油（类别OIL）" in checked
    assert any("8号米（编码s8）" in line for line in checked)
    campaign = campaign_draft_save(document=document, actor=None, now=BEFORE)
    client, before = login(), saved()
    data = form_data(client.get(edit_url(campaign)))
    assert client.post(edit_url(campaign), data).status_code == 302
    assert saved() == before
    data["batches-0-items"] = "商品 6901 五常大米 5kg\n类别 OIL2 食用油"
    assert client.post(edit_url(campaign), data).status_code == 302
    use = saved()["batches"][0]["rules"]["use"]
    assert use["items"] == [
        {"name": "五常大米 5kg", "sku": "6901", "category": ""},
        {"name": "食用油", "sku": "", "category": "OIL2"},
    ]
    assert use["excluded_goods"] == ["FUEL"]
    for text in ("6901 五常大米", "商品 6901"):
        page = client.post(edit_url(campaign), data | {"batches-0-items": text})
        assert "每行应为：商品 编码 名称，或 类别 编码 名称" in page.content.decode()


def test_the_code_of_a_brand_never_changes() -> None:
    brand = brand_create(name="有味", code="youwei", now=BEFORE, actor=None)
    with pytest.raises(InvalidParametersError):
        brand_create(name="另有味", code="youwei", now=BEFORE, actor=None)
    assert len(brand_create(name="无码", now=BEFORE, actor=None).code) == 8
    for change in (
        lambda: Brand.objects.filter(pk=brand.pk).update(code="b2"),
        lambda: Brand.objects.filter(pk=brand.pk).delete(),
    ):
        with pytest.raises(Exception, match="pgtrigger"), transaction.atomic():
            change()
    assert merchant_make(brand=brand).brand == brand
