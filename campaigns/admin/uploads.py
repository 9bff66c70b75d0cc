"""Pages with a form of their own: a definition file, a new version of the list."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from campaigns.admin.forms import DefinitionForm, WhitelistForm
from campaigns.definition.reading import definition_read
from campaigns.services.drafts import campaign_draft_save
from campaigns.services.whitelists import whitelist_build
from core import clock
from core.admin.actions import error_text, staff_of
from core.errors import DomainError

TEMPLATE = "admin/campaigns/upload.html"


def definition_page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Save an uploaded definition as the draft of the campaign it names."""

    def save(form: Any) -> str:
        file = form.cleaned_data["file"]
        campaign = campaign_draft_save(
            document=definition_read(file.read(), file.name),
            actor=staff_of(request),
            now=clock.now(),
        )
        messages.success(request, _("已保存为草稿：%(title)s") % {"title": campaign.title})
        return str(model_admin.change_url(campaign))

    form = DefinitionForm(request.POST or None, request.FILES or None)
    notes = [
        _("文件格式见 docs/schema/campaign.schema.json；错误会指出文件中的路径。"),
        _("同一活动代码再次导入即修改其草稿；已批准的活动导入后成为下一版本的草稿。"),
    ]
    return _page(model_admin, request, form, save, title=_("导入方案文件"), notes=notes)


def whitelist_page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Make a new draft version of a campaign's list."""

    def save(form: Any) -> str:
        whitelist = whitelist_build(
            campaign_id=form.cleaned_data["campaign"].pk,
            store_nos=form.store_numbers(),
            actor=staff_of(request),
            now=clock.now(),
        )
        messages.success(
            request, _("已建立名单第 %(number)s 版，请提交复核") % {"number": whitelist.number}
        )
        return str(model_admin.change_url(whitelist))

    form = WhitelistForm(request, request.POST or None, request.FILES or None)
    notes = [_("新版本生效后替换旧版本；有一个门店编号无效则整个名单不建立。")]
    return _page(model_admin, request, form, save, title=_("新建参与商户名单"), notes=notes)


def _page(
    model_admin: Any,
    request: HttpRequest,
    form: forms.Form,
    save: Callable[[forms.Form], str],
    **texts: Any,
) -> HttpResponse:
    problems: list[dict[str, str]] = []
    if request.method == "POST" and form.is_valid():
        try:
            return HttpResponseRedirect(save(form))
        except DomainError as error:
            form.add_error(None, error.text.title_zh if error.invalid_params else error_text(error))
            problems = [
                {"path": param.name, "reason": str(param.reason)} for param in error.invalid_params
            ]
    context = {
        **model_admin.admin_site.each_context(request),
        **texts,
        "opts": model_admin.model._meta,
        "form": form,
        "problems": problems,
        "list_url": model_admin.list_url(),
    }
    return TemplateResponse(request, TEMPLATE, context)
