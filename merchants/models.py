"""Acquirers, brands, merchants, stores, terminals, and the payees the subsidy is settled to."""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.ids import new_id
from core.models import Client, Organisation
from core.state_machine import StateMachine


class Acquirer(models.Model):
    """An acquirer or service provider (收单机构): its terms decide when subsidy is settled."""

    class TermUnit(models.TextChoices):
        WORKING_DAY = "T", _("T+N 工作日")
        NATURAL_DAY = "D", _("D+N 自然日")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.SlugField(_("收单机构代码"), max_length=20, unique=True)
    name = models.CharField(_("收单机构名称"), max_length=120)
    organisation = models.OneToOneField(
        Organisation, models.PROTECT, related_name="acquirer", verbose_name=_("所属机构")
    )
    term_unit = models.CharField(
        _("结算周期单位"), max_length=1, choices=TermUnit.choices, default=TermUnit.WORKING_DAY
    )
    term_days = models.PositiveSmallIntegerField(_("结算周期天数"), default=1)
    cutoff = models.TimeField(_("日切时间"), default="23:00")
    fee_bp = models.PositiveIntegerField(_("手续费率（万分之）"), default=0)
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)

    class Meta:
        verbose_name = _("收单机构")
        verbose_name_plural = _("收单机构")
        ordering = ("code",)
        triggers = (pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),)

    def __str__(self) -> str:
        return self.name


class Brand(models.Model):
    """A brand (品牌) that several merchants may carry; approved rules name it by its code."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.SlugField(_("品牌代码"), max_length=20, unique=True)
    name = models.CharField(_("品牌名称"), max_length=80, unique=True)

    class Meta:
        verbose_name = _("品牌")
        verbose_name_plural = _("品牌")
        ordering = ("name",)
        triggers = (
            pgtrigger.ReadOnly(name="code_stays", fields=["code"]),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
        )

    def __str__(self) -> str:
        return self.name


class Merchant(models.Model):
    """A legal entity that sells: one unified social credit code (统一社会信用代码)."""

    class Tier(models.TextChoices):
        CORE = "3A", _("3A 核心")
        KEY = "2A", _("2A 重点")
        REACHABLE = "1A", _("1A 可营销")
        NONE = "-", _("未分级")

    class State(models.TextChoices):
        ACTIVE = "ACTIVE", _("正常")
        SUSPENDED = "SUSPENDED", _("暂停")
        REMOVED = "REMOVED", _("清退")

    class Industry(models.TextChoices):
        CATERING = "CATERING", _("餐饮")
        LODGING = "LODGING", _("住宿")
        SUPERMARKET = "SUPERMARKET", _("超市")
        DEPARTMENT_STORE = "DEPARTMENT_STORE", _("百货")
        CULTURE_TOURISM = "CULTURE_TOURISM", _("文旅")
        CAR = "CAR", _("汽车")
        APPLIANCE = "APPLIANCE", _("家电")
        OTHER = "OTHER", _("其他")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    uscc = models.CharField(_("统一社会信用代码"), max_length=18, unique=True)
    name = models.CharField(_("商户名称"), max_length=120)
    brand = models.ForeignKey(Brand, models.PROTECT, null=True, blank=True, verbose_name=_("品牌"))
    mcc = models.CharField(_("商户类别码"), max_length=4)
    industry = models.CharField(
        _("行业"), max_length=16, choices=Industry.choices, default=Industry.OTHER
    )
    tier = models.CharField(_("分级"), max_length=2, choices=Tier.choices, default=Tier.NONE)
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    state = models.CharField(_("状态"), max_length=9, choices=State.choices, default=State.ACTIVE)
    commitment_on = models.DateField(_("承诺书签署日期"), null=True, blank=True)

    class Meta:
        verbose_name = _("商户")
        verbose_name_plural = _("商户")
        ordering = ("name", "pk")
        constraints = (
            models.CheckConstraint(condition=Q(mcc__regex=r"^[0-9]{4}$"), name="merchant_mcc"),
            models.CheckConstraint(
                condition=Q(uscc__regex=r"^[0-9A-HJ-NPQRTUWXY]{18}$"), name="merchant_uscc"
            ),
        )
        triggers = (
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            StateMachine(
                [
                    ("ACTIVE", "SUSPENDED"),
                    ("SUSPENDED", "ACTIVE"),
                    ("ACTIVE", "REMOVED"),
                    ("SUSPENDED", "REMOVED"),
                ]
            ),
        )

    def __str__(self) -> str:
        return self.name


class Store(models.Model):
    """A place where people buy; counted once however many acquirers serve it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    store_no = models.CharField(_("门店编号"), max_length=20, unique=True)
    merchant = models.ForeignKey(
        Merchant, models.PROTECT, related_name="stores", verbose_name=_("商户")
    )
    name = models.CharField(_("门店名称"), max_length=120)
    region_code = models.CharField(_("门店地区"), max_length=6, db_index=True)
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    address = models.CharField(_("地址"), max_length=200, blank=True)
    longitude = models.DecimalField(
        _("经度"), max_digits=9, decimal_places=6, null=True, blank=True
    )
    latitude = models.DecimalField(_("纬度"), max_digits=8, decimal_places=6, null=True, blank=True)
    is_active = models.BooleanField(_("营业"), default=True)
    opens_at = models.TimeField(_("营业开始"), null=True, blank=True)
    closes_at = models.TimeField(_("营业结束"), null=True, blank=True)

    class Meta:
        verbose_name = _("门店")
        verbose_name_plural = _("门店")
        ordering = ("store_no",)
        constraints = (
            # One place, one row, whichever acquirers report it (domain-rules §9).
            models.UniqueConstraint(fields=("merchant", "name", "region_code"), name="store_once"),
        )
        triggers = (pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),)

    def __str__(self) -> str:
        return self.name


class Payee(models.Model):
    """Who is paid: acquirer × acquirer merchant number × account. Unit of the payable accounts."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    acquirer = models.ForeignKey(
        Acquirer, models.PROTECT, related_name="payees", verbose_name=_("收单机构")
    )
    merchant = models.ForeignKey(
        Merchant, models.PROTECT, related_name="payees", verbose_name=_("商户")
    )
    merchant_no = models.CharField(_("收单商户号"), max_length=15)
    account_name = models.CharField(_("收款户名"), max_length=120)
    account_tail = models.CharField(_("收款账号尾号"), max_length=4)
    account_hash = models.CharField(_("收款账号摘要"), max_length=64, editable=False)
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    valid_from = models.DateTimeField(_("启用时间"))
    valid_until = models.DateTimeField(_("停用时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("收款方")
        verbose_name_plural = _("收款方")
        ordering = ("acquirer", "merchant_no")
        constraints = (
            models.UniqueConstraint(
                fields=("acquirer", "merchant_no", "account_hash"), name="payee_identity"
            ),
            models.UniqueConstraint(
                fields=("acquirer", "merchant_no"),
                condition=Q(valid_until__isnull=True),
                name="payee_one_current",
            ),
            models.CheckConstraint(
                condition=Q(merchant_no__regex=r"^[0-9A-Z]{15}$"), name="payee_merchant_no"
            ),
        )
        triggers = (pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),)

    def __str__(self) -> str:
        return f"{self.merchant_no} {self.account_name}"


class Terminal(models.Model):
    """A till of a store at one acquirer; live only after its voucher test (验券测试)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    acquirer = models.ForeignKey(
        Acquirer, models.PROTECT, related_name="terminals", verbose_name=_("收单机构")
    )
    terminal_no = models.CharField(_("终端号"), max_length=8)
    store = models.ForeignKey(
        Store, models.PROTECT, related_name="terminals", verbose_name=_("门店")
    )
    merchant_no = models.CharField(_("收单商户号"), max_length=15)
    tested_at = models.DateTimeField(_("验券测试时间"), null=True, blank=True)
    is_active = models.BooleanField(_("启用"), default=True)

    class Meta:
        verbose_name = _("终端")
        verbose_name_plural = _("终端")
        ordering = ("acquirer", "terminal_no")
        constraints = (
            models.UniqueConstraint(fields=("acquirer", "terminal_no"), name="terminal_identity"),
        )
        triggers = (pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),)

    def __str__(self) -> str:
        return self.terminal_no


class MerchantStaff(models.Model):
    """A known insider of a merchant (法人、店员、收款人): hashed identifiers for rule FM10."""

    class Position(models.TextChoices):
        LEGAL_PERSON = "LEGAL_PERSON", _("法定代表人")
        STAFF = "STAFF", _("店员")
        PAYEE = "PAYEE", _("收款人")
        TILL = "TILL", _("收银设备")

    merchant = models.ForeignKey(
        Merchant, models.PROTECT, related_name="staff", verbose_name=_("商户")
    )
    store = models.ForeignKey(
        Store, models.PROTECT, null=True, blank=True, related_name="staff", verbose_name=_("门店")
    )
    position = models.CharField(_("身份"), max_length=12, choices=Position.choices)
    key_kind = models.CharField(_("标识种类"), max_length=8)
    pepper_version = models.PositiveSmallIntegerField(_("摘要密钥版本"))
    key_hash = models.CharField(_("标识摘要"), max_length=64, db_index=True)
    masked = models.CharField(_("掩码"), max_length=24)
    valid_until = models.DateTimeField(_("失效时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("商户关联人员")
        verbose_name_plural = _("商户关联人员")
        ordering = ("merchant", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("merchant", "key_kind", "key_hash"), name="merchant_staff_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_position_display()} {self.masked}"


class Transaction(models.Model):
    """A purchase (交易) that an acquirer or channel reports, or a refund of one; never a person.

    Facts never change, except how much of a purchase has been refunded since.
    """

    class Kind(models.TextChoices):
        PURCHASE = "PURCHASE", _("消费")
        REFUND = "REFUND", _("退款")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    client = models.ForeignKey(
        Client, models.PROTECT, related_name="+", verbose_name=_("上报接入方")
    )
    idempotency_key = models.CharField(_("请求流水号"), max_length=64)
    fingerprint = models.CharField(_("请求摘要"), max_length=64)
    transaction_no = models.CharField(_("交易号"), max_length=64)
    kind = models.CharField(_("类型"), max_length=8, choices=Kind.choices)
    original = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="refunds",
        verbose_name=_("原交易"),
    )
    acquirer = models.ForeignKey(
        Acquirer, models.PROTECT, related_name="+", verbose_name=_("收单机构")
    )
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", verbose_name=_("商户"))
    store = models.ForeignKey(
        Store, models.PROTECT, related_name="transactions", verbose_name=_("门店")
    )
    terminal = models.ForeignKey(Terminal, models.PROTECT, related_name="+", verbose_name=_("终端"))
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    store_region = models.CharField(_("门店地区"), max_length=6, db_index=True)
    flow = models.CharField(_("支付方式"), max_length=16)
    card_bin = models.CharField(_("卡号前缀"), max_length=8, blank=True)
    order_fen = models.BigIntegerField(_("订单金额（分）"))
    refunded_fen = models.BigIntegerField(_("已退金额（分）"), default=0)
    traded_at = models.DateTimeField(_("交易时间"))
    at = models.DateTimeField(_("上报时间"))

    class Meta:
        verbose_name = _("商户交易")
        verbose_name_plural = _("商户交易")
        ordering = ("-at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("client", "idempotency_key"), name="transaction_key_once"
            ),
            models.UniqueConstraint(
                fields=("client", "transaction_no"), name="transaction_number_once"
            ),
            models.CheckConstraint(
                condition=Q(order_fen__gt=0)
                & Q(refunded_fen__gte=0)
                & Q(refunded_fen__lte=F("order_fen")),
                name="transaction_amounts",
            ),
            models.CheckConstraint(
                condition=Q(kind="PURCHASE", original__isnull=True)
                | Q(kind="REFUND", original__isnull=False, refunded_fen=0),
                name="transaction_original",
            ),
        )
        indexes = (models.Index(fields=("store", "traded_at"), name="transaction_store_at"),)
        triggers = (
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="facts_frozen", exclude=["refunded_fen"]),
        )

    def __str__(self) -> str:
        return self.transaction_no
