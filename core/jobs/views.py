"""The download page of job files."""

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.views.decorators.http import require_GET

from core import clock
from core.access.models import User
from core.errors import DomainError
from core.jobs.downloads import job_file_download
from core.jobs.errors import JobFileChangedError


@require_GET
@login_required
def job_file(request: HttpRequest, file_id: int) -> HttpResponseBase:
    """Send a file as attachment; 404 for everybody who may not see it."""
    user = request.user
    if not isinstance(user, User):
        raise Http404
    try:
        file, path = job_file_download(file_id=file_id, user=user, now=clock.now())
    except (DomainError, JobFileChangedError) as error:
        raise Http404 from error
    return FileResponse(path.open("rb"), as_attachment=True, filename=file.name)
