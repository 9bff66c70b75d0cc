"""Stable names in the log and in jobs, said in words: ``role.grant`` → 角色 · 授予."""

from django.apps import apps
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.jobs.registry import job_kind

Word = str | Promise

NOUNS: dict[str, Word] = {
    "acquirer": _("收单机构"),
    "adjustment": _("调账"),
    "admin": _("后台"),
    "approval": _("审批"),
    "audience": _("定向人群"),
    "audience_list": _("人群名单"),
    "audiencesnapshot": _("人群名单"),
    "batch": _("券批次"),
    "brand": _("品牌"),
    "campaign": _("活动"),
    "case": _("风险核查单"),
    "client": _("接入方"),
    "client_key": _("接入密钥"),
    "controlentry": _("风控名单"),
    "delivery": _("事件投递"),
    "discrepancy": _("对账差错"),
    "exception": _("异常事项"),
    "exception_item": _("异常事项"),
    "fundsmovement": _("资金收支"),
    "funds": _("资金"),
    "grant": _("定向发放"),
    "job": _("任务"),
    "job_file": _("任务文件"),
    "merchant": _("商户"),
    "merchants": _("商户表"),
    "merchant_repayment": _("商户还款"),
    "organisation": _("机构"),
    "outbox": _("消息"),
    "payee": _("收款方"),
    "payout": _("结算划付"),
    "recon": _("对账"),
    "recon_day": _("对账日"),
    "recon_file": _("对账文件"),
    "release": _("额度投放"),
    "role": _("角色"),
    "rule": _("风控规则"),
    "screening": _("风控"),
    "settlement": _("结算"),
    "settlement_batch": _("结算批次"),
    "statement": _("结算单与报表"),
    "store": _("门店"),
    "terminal": _("终端"),
    "user": _("工作人员"),
    "voucher": _("消费券"),
    "whitelist": _("参与商户名单"),
}
VERBS: dict[str, Word] = {
    "activate": _("启用"),
    "adjustment": _("调账"),
    "agree": _("同意"),
    "approve": _("批准"),
    "assign": _("指派"),
    "audit": _("审计"),
    "build": _("生成"),
    "cancel": _("作废"),
    "change": _("变更"),
    "check": _("核对"),
    "claims_off": _("停止领取"),
    "claims_on": _("恢复领取"),
    "clear": _("清算"),
    "close": _("关闭"),
    "create": _("新建"),
    "deactivate": _("停用"),
    "decide": _("结论"),
    "done": _("完成"),
    "download": _("下载"),
    "draft": _("保存草稿"),
    "end": _("结束"),
    "export": _("导出"),
    "funds": _("资金收支"),
    "go_live": _("上线"),
    "grant": _("授予"),
    "hit": _("命中"),
    "import": _("导入"),
    "import_bank": _("导入银行结果"),
    "in_force": _("生效"),
    "issue": _("签发"),
    "leftover": _("结余缴回"),
    "move": _("移机"),
    "parameters": _("设定参数"),
    "password": _("修改密码"),
    "pause": _("暂停"),
    "redemptions_off": _("停止核销"),
    "redemptions_on": _("恢复核销"),
    "reject": _("驳回"),
    "remove": _("清退"),
    "rename": _("更名"),
    "repay": _("登记还款"),
    "replay": _("重新投递"),
    "request": _("提交审批"),
    "resolve": _("处理"),
    "restart": _("恢复"),
    "result": _("登记结果"),
    "resume": _("恢复"),
    "return": _("退回修改"),
    "review": _("开始核查"),
    "revoke": _("撤销"),
    "send": _("发送"),
    "stop": _("停止"),
    "submit": _("提交"),
    "suspend": _("暂停"),
    "switch_off": _("关停"),
    "switch_on": _("开启"),
    "take_out": _("移出"),
    "test": _("验券测试"),
    "unmask": _("查看明文"),
    "update": _("修改"),
    "version": _("方案版本"),
    "withdraw": _("撤回"),
}
FILE_ROLES: dict[str, Word] = {
    "source": _("原始文件"),
    "errors": _("错误清单"),
    "result": _("结果"),
    "report": _("报表"),
    "statement": _("结算单与报表"),
}


def action_words(name: str) -> str:
    """Say what was done; a name without words stays as it is."""
    noun, _dot, verb = name.partition(".")
    if noun not in NOUNS or verb not in VERBS:
        return name
    return f"{NOUNS[noun]} · {VERBS[verb]}"


def subject_words(name: str) -> str:
    """Say what kind of row a name of the log means: by its noun, else by its model's name."""
    app, _dot, model = name.rpartition(".")
    if model in NOUNS:
        return str(NOUNS[model])
    try:
        return str(apps.get_model(app, model)._meta.verbose_name)
    except LookupError:
        return name


def job_kind_words(name: str) -> str:
    """Say what a kind of job does; one that no room registers any more stays as it is."""
    try:
        return gettext(job_kind(name).title)
    except LookupError:
        return name


def file_role_words(name: str) -> str:
    """Say what a file of a job is."""
    return str(FILE_ROLES.get(name, name))
