"""URLs of job files; staff only."""

from django.urls import path

from core.jobs.views import job_file

urlpatterns = [path("<int:file_id>/", job_file, name="job-file")]
