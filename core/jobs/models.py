"""Long work with progress and result files, and scheduled ticks that run exactly once."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import new_id
from core.passages import moment_words


class Job(models.Model):
    """A piece of long work: an import, a report, a reconciliation."""

    class State(models.TextChoices):
        QUEUED = "QUEUED", _("排队中")
        RUNNING = "RUNNING", _("运行中")
        DONE = "DONE", _("完成")
        FAILED = "FAILED", _("失败")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(_("任务类型"), max_length=40)
    title = models.CharField(_("标题"), max_length=200)
    params = models.JSONField(_("参数"), default=dict)
    owner_region = models.CharField(_("归属地区"), max_length=6, db_index=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("发起人"),
    )
    state = models.CharField(_("状态"), max_length=8, choices=State.choices, default=State.QUEUED)
    done = models.PositiveBigIntegerField(_("已处理"), default=0)
    total = models.PositiveBigIntegerField(_("总数"), default=0)
    message = models.TextField(_("说明"), blank=True)
    result = models.JSONField(_("结果"), default=dict)
    created_at = models.DateTimeField(_("创建时间"))
    started_at = models.DateTimeField(_("开始时间"), null=True, blank=True)
    finished_at = models.DateTimeField(_("结束时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("任务")
        verbose_name_plural = _("任务")
        ordering = ("-created_at", "pk")

    def __str__(self) -> str:
        return self.title


class JobFile(models.Model):
    """A file a job read or wrote: written to ``.tmp``, synced, renamed, hashed."""

    job = models.ForeignKey(Job, models.PROTECT, related_name="files", verbose_name=_("任务"))
    role = models.CharField(_("用途"), max_length=20)
    name = models.CharField(_("文件名"), max_length=200)
    path = models.CharField(_("存放位置"), max_length=300, editable=False)
    sha256 = models.CharField(_("摘要（SHA-256）"), max_length=64)
    size = models.PositiveBigIntegerField(_("字节数"))
    created_at = models.DateTimeField(_("生成时间"))

    class Meta:
        verbose_name = _("任务文件")
        verbose_name_plural = _("任务文件")
        ordering = ("job", "pk")

    def __str__(self) -> str:
        return self.name


class ScheduledTick(models.Model):
    """One due run of a schedule; the unique row is what makes a second beat harmless."""

    class State(models.TextChoices):
        CLAIMED = "CLAIMED", _("执行中")
        DONE = "DONE", _("完成")
        FAILED = "FAILED", _("失败")

    job = models.CharField(_("计划任务"), max_length=60)
    tick_at = models.DateTimeField(_("计划时点"))
    state = models.CharField(_("状态"), max_length=7, choices=State.choices, default=State.CLAIMED)
    attempts = models.PositiveIntegerField(_("次数"), default=1)
    claimed_at = models.DateTimeField(_("开始（实时）"))
    finished_at = models.DateTimeField(_("结束（实时）"), null=True, blank=True)
    detail = models.JSONField(_("结果"), default=dict)

    class Meta:
        verbose_name = _("计划执行记录")
        verbose_name_plural = _("计划执行记录")
        ordering = ("-tick_at", "job")
        constraints = (
            models.UniqueConstraint(fields=("job", "tick_at"), name="scheduled_tick_once"),
        )
        indexes = (
            models.Index(fields=("job",), condition=~Q(state="DONE"), name="scheduled_tick_open"),
        )

    def __str__(self) -> str:
        return f"{self.job} {moment_words(self.tick_at)}"


class BusinessClock(models.Model):
    """The one row of business time: ``business = anchor + (wall − wall anchor) × rate``."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    wall_anchor = models.DateTimeField(_("实时锚点"))
    business_anchor = models.DateTimeField(_("业务锚点"))
    rate = models.FloatField(_("速率"), default=1)
    moved = models.BooleanField(_("曾被拨动"), default=False)

    class Meta:
        verbose_name = _("业务时钟")
        verbose_name_plural = _("业务时钟")
        constraints = (
            models.CheckConstraint(condition=Q(id=1), name="business_clock_single"),
            models.CheckConstraint(condition=Q(rate__gte=0), name="business_clock_forward"),
        )

    def __str__(self) -> str:
        return moment_words(self.business_anchor)
