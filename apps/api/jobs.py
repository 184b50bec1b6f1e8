"""Jobs: list, look, cancel, run again."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.base import ApiView, me, my_rights
from apps.api.errors import NotFound
from apps.api.shapes import ErrorOut, JobOut
from apps.assistant import actions
from apps.assistant.models import Job
from apps.core.ids import tidy

STATE = OpenApiParameter("state", str, enum=[state for state, _ in Job.STATES])


class Jobs(ApiView, ListAPIView[Job]):
    """My jobs; everybody's for whoever holds `console.jobs`."""

    serializer_class = JobOut
    queryset = Job.objects.none()

    def get_queryset(self) -> QuerySet[Job]:
        """Return the visible jobs, newest first."""
        rows = actions.visible_jobs(me(self.request), my_rights(self.request)).order_by("-pk")
        rows = rows.prefetch_related("steps")
        state = self.request.query_params.get("state")
        return rows.filter(state=state) if state else rows

    @extend_schema(operation_id="jobs", parameters=[STATE])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List jobs, newest first."""
        return super().get(request, *args, **kwargs)


class JobDetail(ApiView):
    """One job."""

    @extend_schema(operation_id="job", responses={200: JobOut, 404: ErrorOut})
    def get(self, request: Request, number: str) -> Response:
        """Return one job."""
        return Response(JobOut(find(request, number)).data)


class CancelJob(ApiView):
    """Stopping a job."""

    @extend_schema(
        operation_id="cancel_job",
        request=None,
        responses={200: JobOut, 403: ErrorOut, 404: ErrorOut, 409: ErrorOut},
    )
    def post(self, request: Request, number: str) -> Response:
        """Cancel a job that is not over."""
        job = actions.cancel_job(find(request, number), me(request))
        job.refresh_from_db()
        return Response(JobOut(job).data)


class RetryJob(ApiView):
    """Running a job again."""

    @extend_schema(
        operation_id="retry_job",
        request=None,
        responses={201: JobOut, 403: ErrorOut, 404: ErrorOut, 409: ErrorOut},
    )
    def post(self, request: Request, number: str) -> Response:
        """Run a job that is over again, for its owner; returns the new job."""
        return Response(JobOut(actions.retry_job(find(request, number), me(request))).data, 201)


def find(request: Request, number: str) -> Job:
    """Return a job that this person may see. Raises ``NotFound``."""
    job = actions.visible_jobs(me(request), my_rights(request)).filter(number=tidy(number)).first()
    if job is None:
        raise NotFound
    return job
