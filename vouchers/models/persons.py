"""Accounts of people in channels, their identity keys, and the limits counted per key.

Never merged: an enrolment is one account in one channel, an identity key is one document, mobile,
device, card or account (architecture.md, Persons and limits).
"""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import new_id, to_public
from core.models import Client


class KeyKind(models.TextChoices):
    DOCUMENT = "DOCUMENT", _("证件")
    MOBILE = "MOBILE", _("手机号")
    DEVICE = "DEVICE", _("设备")
    CARD = "CARD", _("银行卡")
    ACCOUNT = "ACCOUNT", _("渠道账户")


class IdentityKey(models.Model):
    """One document, mobile, device, card or account with a stable id."""

    kind = models.CharField(_("种类"), max_length=8, choices=KeyKind.choices)
    masked = models.CharField(_("掩码"), max_length=24, blank=True)

    class Meta:
        verbose_name = _("身份标识")
        verbose_name_plural = _("身份标识")
        ordering = ("pk",)
        triggers = (pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.masked}"


class IdentityHash(models.Model):
    """A keyed hash of an identity key under one version of the pepper."""

    key = models.ForeignKey(
        IdentityKey, models.PROTECT, related_name="hashes", verbose_name=_("身份标识")
    )
    kind = models.CharField(_("种类"), max_length=8, choices=KeyKind.choices)
    pepper_version = models.PositiveSmallIntegerField(_("摘要密钥版本"))
    key_hash = models.CharField(_("摘要"), max_length=64)

    class Meta:
        verbose_name = _("身份标识摘要")
        verbose_name_plural = _("身份标识摘要")
        ordering = ("key", "pepper_version")
        constraints = (
            models.UniqueConstraint(
                fields=("kind", "pepper_version", "key_hash"), name="identity_hash_once"
            ),
            models.UniqueConstraint(
                fields=("key", "pepper_version"), name="identity_hash_per_version"
            ),
        )

    def __str__(self) -> str:
        return f"{self.key} v{self.pepper_version}"


class Enrolment(models.Model):
    """One account of a person in one channel; its id is the API's ``person_id``."""

    class Level(models.TextChoices):
        NONE = "NONE", _("未实名")
        REALNAME = "REALNAME", _("已实名")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    client = models.ForeignKey(Client, models.PROTECT, verbose_name=_("渠道"))
    external_id = models.CharField(_("渠道用户号"), max_length=64)
    level = models.CharField(_("实名等级"), max_length=8, choices=Level.choices, default=Level.NONE)
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    created_at = models.DateTimeField(_("登记时间"))
    updated_at = models.DateTimeField(_("更新时间"))

    class Meta:
        verbose_name = _("渠道用户")
        verbose_name_plural = _("渠道用户")
        ordering = ("-created_at", "pk")
        constraints = (
            models.UniqueConstraint(fields=("client", "external_id"), name="enrolment_once"),
        )
        triggers = (pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),)

    def __str__(self) -> str:
        return to_public("per", self.pk)


class EnrolmentKey(models.Model):
    """A key an account carries, from when until when."""

    enrolment = models.ForeignKey(
        Enrolment, models.PROTECT, related_name="keys", verbose_name=_("渠道用户")
    )
    key = models.ForeignKey(
        IdentityKey, models.PROTECT, related_name="enrolments", verbose_name=_("身份标识")
    )
    kind = models.CharField(_("种类"), max_length=8, choices=KeyKind.choices)
    valid_from = models.DateTimeField(_("起用时间"))
    valid_until = models.DateTimeField(_("停用时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("用户标识")
        verbose_name_plural = _("用户标识")
        ordering = ("enrolment", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("enrolment", "key"),
                condition=Q(valid_until__isnull=True),
                name="enrolment_key_current",
            ),
            models.UniqueConstraint(
                fields=("enrolment",),
                condition=Q(valid_until__isnull=True, kind="DOCUMENT"),
                name="enrolment_one_document",
            ),
        )

    def __str__(self) -> str:
        return f"{to_public('per', self.enrolment_id)} · {self.get_kind_display()}"
