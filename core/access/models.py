"""Who may do what where: regions, organisations, staff, roles, and the credentials of channels."""

from typing import Any

import pgtrigger
from django.contrib.auth import get_backends
from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.ids import new_id


class Region(models.Model):
    """An administrative division of GB/T 2260; a subtree is a range of codes."""

    class Level(models.TextChoices):
        PROVINCE = "PROVINCE", _("省级")
        CITY = "CITY", _("地市级")
        COUNTY = "COUNTY", _("区县级")

    code = models.CharField(_("行政区划代码"), max_length=6, primary_key=True)
    name = models.CharField(_("名称"), max_length=60)
    level = models.CharField(_("级别"), max_length=8, choices=Level.choices)
    parent = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("上级"),
    )

    class Meta:
        verbose_name = _("行政区划")
        verbose_name_plural = _("行政区划")
        ordering = ("code",)
        constraints = (
            models.CheckConstraint(condition=Q(code__regex=r"^[0-9]{6}$"), name="region_code_six"),
        )

    def __str__(self) -> str:
        return f"{self.name}（{self.code}）"


class Organisation(models.Model):
    """A bureau, finance department, operator, acquirer, bank … that staff and clients belong to."""

    class Kind(models.TextChoices):
        BUREAU = "BUREAU", _("主管部门")
        FINANCE = "FINANCE", _("财政部门")
        OPERATOR = "OPERATOR", _("承办机构")
        ACQUIRER = "ACQUIRER", _("收单机构/服务商")
        BANK = "BANK", _("出资银行")
        MERCHANT_HQ = "MERCHANT_HQ", _("商户总部")
        AUDITOR = "AUDITOR", _("审计机构")
        SERVICE_DESK = "SERVICE_DESK", _("客服")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.SlugField(_("机构代码"), max_length=40, unique=True)
    name = models.CharField(_("机构名称"), max_length=120)
    kind = models.CharField(_("机构类型"), max_length=12, choices=Kind.choices)
    region = models.ForeignKey(Region, models.PROTECT, verbose_name=_("所属地区"))
    is_active = models.BooleanField(_("启用"), default=True)

    class Meta:
        verbose_name = _("机构")
        verbose_name_plural = _("机构")
        ordering = ("code",)

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """A member of staff; what he may do follows from his role grants alone."""

    organisation = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, verbose_name=_("所属机构")
    )
    display_name = models.CharField(_("姓名"), max_length=60, blank=True)

    class Meta(AbstractUser.Meta):
        verbose_name = _("工作人员")  # type: ignore[assignment]  # AbstractUser.Meta says str
        verbose_name_plural = _("工作人员")  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.display_name or self.username

    def get_full_name(self) -> str:
        """Return the name pages greet with."""
        return str(self)

    def get_short_name(self) -> str:
        """Return the same name: there is no shorter one."""
        return str(self)

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Ask the role grants alone: being a superuser gives nothing."""
        backends: list[Any] = list(get_backends())
        return any(
            backend.has_perm(self, perm, obj)
            for backend in backends
            if hasattr(backend, "has_perm")
        )

    def has_module_perms(self, app_label: str) -> bool:
        """Ask the role grants alone, for the menu of the admin."""
        backends: list[Any] = list(get_backends())
        return any(
            backend.has_module_perms(self, app_label)
            for backend in backends
            if hasattr(backend, "has_module_perms")
        )


class Role(models.TextChoices):
    """The business roles of architecture.md, Ways in."""

    CAMPAIGN_MAKER = "CAMPAIGN_MAKER", _("活动经办")
    CAMPAIGN_CHECKER = "CAMPAIGN_CHECKER", _("活动复核")
    DIRECTOR = "DIRECTOR", _("分管领导（签批）")
    LIST_MAKER = "LIST_MAKER", _("名单经办")
    LIST_CHECKER = "LIST_CHECKER", _("名单复核")
    SETTLEMENT_MAKER = "SETTLEMENT_MAKER", _("结算经办")
    SETTLEMENT_CHECKER = "SETTLEMENT_CHECKER", _("结算复核")
    PAYMENT_REGISTRAR = "PAYMENT_REGISTRAR", _("拨付登记（财政）")
    RISK_MAKER = "RISK_MAKER", _("风控经办")
    RISK_CHECKER = "RISK_CHECKER", _("风控复核")
    ACQUIRER_OPERATOR = "ACQUIRER_OPERATOR", _("收单机构操作员")
    FUNDER_VIEWER = "FUNDER_VIEWER", _("出资方查看")
    SERVICE_DESK = "SERVICE_DESK", _("客服（只查不改）")
    AUDITOR = "AUDITOR", _("审计员（限期只读）")
    SYSTEM_ADMIN = "SYSTEM_ADMIN", _("系统管理员")
    SECURITY_ADMIN = "SECURITY_ADMIN", _("安全管理员")
    SECURITY_AUDITOR = "SECURITY_AUDITOR", _("安全审计员")


class RoleGrant(models.Model):
    """One role of one member of staff, for an organisation and a region subtree."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        User, models.PROTECT, related_name="grants", verbose_name=_("工作人员")
    )
    role = models.CharField(_("角色"), max_length=20, choices=Role.choices)
    organisation = models.ForeignKey(Organisation, models.PROTECT, verbose_name=_("机构"))
    region = models.ForeignKey(Region, models.PROTECT, verbose_name=_("地区范围"))
    granted_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("授权人")
    )
    granted_at = models.DateTimeField(_("授权时间"))
    valid_until = models.DateTimeField(_("有效期至"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("撤销时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("角色授权")
        verbose_name_plural = _("角色授权")
        ordering = ("user", "role", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("user", "role", "region"),
                condition=Q(revoked_at__isnull=True),
                name="role_grant_once",
            ),
            models.CheckConstraint(
                condition=Q(granted_by__isnull=True) | ~Q(granted_by=F("user")),
                name="role_grant_not_self",
            ),
            models.CheckConstraint(
                condition=~Q(role=Role.AUDITOR) | Q(valid_until__isnull=False),
                name="role_grant_auditor_term",
            ),
        )
        triggers = (pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),)

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()}"


class Client(models.Model):
    """A system that calls the API: a channel app, an acquirer's terminals, the bureau's desk."""

    class Kind(models.TextChoices):
        CHANNEL = "CHANNEL", _("发放渠道")
        TERMINAL = "TERMINAL", _("收单终端")
        DESK = "DESK", _("人工服务台")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.SlugField(_("接入方代码"), max_length=40, unique=True)
    name = models.CharField(_("接入方名称"), max_length=120)
    kind = models.CharField(_("类型"), max_length=8, choices=Kind.choices)
    organisation = models.ForeignKey(Organisation, models.PROTECT, verbose_name=_("所属机构"))
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    operations = ArrayField(
        models.CharField(max_length=60),
        default=list,
        verbose_name=_("允许的接口"),
        help_text=_("接口名称清单，未列出的一律拒绝"),
    )
    rate_per_minute = models.PositiveIntegerField(_("每分钟请求上限"), default=60_000)
    person_rate_per_minute = models.PositiveIntegerField(_("每人每分钟请求上限"), default=60)
    is_active = models.BooleanField(_("启用"), default=True)
    created_at = models.DateTimeField(_("创建时间"))

    class Meta:
        verbose_name = _("接入方")
        verbose_name_plural = _("接入方")
        ordering = ("code",)
        triggers = (pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),)

    def __str__(self) -> str:
        return self.name


class ClientKey(models.Model):
    """A signing key of a client; the secret is stored encrypted and shown once at creation."""

    class Algorithm(models.TextChoices):
        HMAC_SHA256 = "HMAC-SHA256", "HMAC-SHA256"
        HMAC_SM3 = "HMAC-SM3", "HMAC-SM3"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    client = models.ForeignKey(
        Client, models.PROTECT, related_name="keys", verbose_name=_("接入方")
    )
    key_id = models.CharField(_("密钥编号"), max_length=40, unique=True)
    algorithm = models.CharField(_("签名算法"), max_length=11, choices=Algorithm.choices)
    secret_box = models.BinaryField(_("密钥密文"), editable=False)
    secret_version = models.PositiveSmallIntegerField(_("加密密钥版本"), editable=False)
    created_at = models.DateTimeField(_("创建时间"))
    revoked_at = models.DateTimeField(_("吊销时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("接入密钥")
        verbose_name_plural = _("接入密钥")
        ordering = ("client", "-created_at", "pk")
        triggers = (pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),)

    def __str__(self) -> str:
        return self.key_id
