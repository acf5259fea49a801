"""Staff without a permission is let in to admin and no further; whoever may only look can start nothing."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import RequestFactory
from django.urls import get_resolver, reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from alphapanda.tests.people import staff

pytestmark = pytest.mark.django_db

get_resolver().url_patterns  # noqa: B018 (admin is looked for when the addresses are)
PAGES = sorted(admin.site._registry.items(), key=lambda one: one[0]._meta.label)


def names_of(model_admin: Any) -> list[str]:
    return [route.name for route in model_admin.get_urls() if route.name]


@pytest.mark.parametrize(("model", "model_admin"), PAGES, ids=lambda one: getattr(one, "__name__", ""))
def test_no_page_of_admin_answers_staff_without_permission(model: Any, model_admin: Any) -> None:
    client = staff()
    for name in names_of(model_admin):
        row = () if name.endswith(("changelist", "add", "import", "export")) else ("1",)
        address = reverse(f"admin:{name}", args=row)
        for ask in (client.get, client.post):
            answer = ask(address)
            assert answer.status_code in (403, 404, 405) or is_gone(answer), (name, answer.status_code)


def is_gone(answer: Any) -> bool:
    """Django answers for a row that does not exist as for one that nobody may see: back to the index."""
    return answer.status_code == 302 and answer.url == reverse("admin:index")


@pytest.mark.parametrize(("model", "model_admin"), PAGES, ids=lambda one: getattr(one, "__name__", ""))
def test_whoever_may_only_look_is_offered_no_act(model: Any, model_admin: Any) -> None:
    request = RequestFactory().get("/")
    staff(f"view_{model._meta.model_name}")
    request.user = User.objects.get(username="clerk")
    assert list(model_admin.get_actions(request)) == []


def test_whoever_may_only_look_at_the_jobs_cannot_stop_one() -> None:
    every = IntervalSchedule.objects.create(every=1, period="seconds")
    job = PeriodicTask.objects.create(name="flat-by", task="trading.tasks.exit_what_is_due", interval=every)
    act = {"action": "disable_tasks", "_selected_action": [str(job.pk)]}
    staff("view_periodictask").post(reverse("admin:django_celery_beat_periodictask_changelist"), act)
    job.refresh_from_db()
    assert job.enabled
