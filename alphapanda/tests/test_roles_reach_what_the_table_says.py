"""Every page, act, REST view and socket topic has a row in the table of rights, and each role gets exactly that."""

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from alphapanda import api
from alphapanda.core import roles
from alphapanda.core.ids import new_id
from alphapanda.core.roles import Right
from alphapanda.dashboard import topics, urls
from alphapanda.dashboard.outbox import LOGS, MARKET
from alphapanda.dashboard.views import acts, pages
from alphapanda.tests.people import person
from trading.api import gate

LEVELS = roles.PAGES["gate"]
EVERYTHING = frozenset(Right) - {Right.NONE}
# What each kind of person holds; "nobody's" is a stranger without a role.
HOLDS: dict[str, frozenset[Right]] = {
    "stranger": frozenset(),
    "staff": frozenset({Right.LOOK, Right.HALT, Right.WATCH_LOGS}),
    "superuser": EVERYTHING,
    "viewer": frozenset({Right.LOOK}),
    "trader": frozenset({Right.LOOK, Right.HALT, Right.TRADE}),
    "risk manager": frozenset({Right.LOOK, Right.HALT, Right.EASE, Right.EVERY_ACCOUNT}),
    "administrator": EVERYTHING,
}
EACH_KIND = pytest.mark.parametrize("kind", HOLDS)


def of_kind(kind: str) -> User:
    flags = {"staff": {"is_staff": True}, "superuser": {"is_superuser": True}}.get(kind, {})
    return person("mehta", kind, **flags)


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch, valkey: Any) -> None:
    """Pages show nothing and levers move nothing: only who gets past the door is asked."""
    monkeypatch.setattr(pages, "panels", MagicMock())
    monkeypatch.setattr(pages, "render_page", lambda *_, **__: HttpResponse())
    monkeypatch.setattr(acts, "orders_page", lambda *_, **__: HttpResponse())
    monkeypatch.setattr(acts, "lab_page", lambda *_, **__: HttpResponse())
    for module in (acts, gate):
        monkeypatch.setattr(module, "flatten", lambda *_, **__: [])
    monkeypatch.setattr(acts, "cancel_all", lambda *_, **__: 0)
    monkeypatch.setattr(acts.kill_switch, "set_level", lambda *_, **__: [])
    monkeypatch.setattr(gate, "set_level", lambda *_, **__: [])


def page_requests() -> Iterator[tuple[str, str, dict[str, str], Right]]:
    """Yield each address of the pages with each act: method, address, what is sent, and the right it needs."""
    for pattern in urls.urlpatterns:
        row = roles.PAGES[str(pattern.name)]
        if row == Right.NONE:
            continue
        for act, right in row.items() if isinstance(row, dict) else [("replay", row)]:
            values = {"act": act, "table": "result.json"}
            named = {name: values.get(name, new_id()) for name in pattern.pattern.converters}
            address = reverse(f"dashboard:{pattern.name}", kwargs=named)
            method = "get" if right == Right.LOOK else "post"
            yield method, address, {"level": act}, right


def rest_requests() -> Iterator[tuple[str, str, Right]]:
    """Yield each route of the API with each method it has: method, address, and the right it needs."""
    for name, viewset, _ in api.router.registry:
        for route in api.router.get_routes(viewset):
            address_name = route.name.format(basename=name)
            known = api.router.get_method_map(viewset, route.mapping)
            for method, action in known.items():
                right = Right.LOOK if method == "get" else roles.REST[name][action]
                needs_one = "{lookup}" in route.url
                yield method, reverse(address_name, args=[new_id()] if needs_one else []), right
    yield from (("get", reverse(name), Right.LOOK) for name in ("health", "parts", "schema"))
    yield "get", "/api/v1/nothing-here/", Right.LOOK


def test_every_page_and_act_has_a_row_and_no_row_is_left_over() -> None:
    assert {pattern.name for pattern in urls.urlpatterns} == set(roles.PAGES)
    deployment_acts = roles.PAGES["deployment_act"]
    assert set(deployment_acts) == {*acts.ACTS, "parameters"}


def test_every_route_of_the_api_has_a_row() -> None:
    routes = {name for name, _, _ in api.router.registry}
    assert set(roles.REST) - {"health", "parts", "schema", "docs", "nothing"} == routes
    written = {name: set(row) for name, row in roles.REST.items() if row}
    found: dict[str, set[str]] = {}
    for name, viewset, _ in api.router.registry:
        for route in api.router.get_routes(viewset):
            for method, action in api.router.get_method_map(viewset, route.mapping).items():
                if method != "get":
                    found.setdefault(name, set()).add(action)
    assert found == written


def test_every_topic_has_a_row() -> None:
    assert set(roles.SOCKET_TOPICS) == {*topics.PAGES, MARKET, LOGS}


@EACH_KIND
def test_pages_and_acts_open_to_whom_the_table_says(db: None, quiet: None, kind: str) -> None:
    browser = browser_of(of_kind(kind))
    for method, address, sent, right in page_requests():
        answer = getattr(browser, method)(address, sent)
        is_shut = answer.status_code == HTTPStatus.FORBIDDEN
        assert is_shut == (right not in HOLDS[kind]), (method, address, sent, answer.status_code)


@EACH_KIND
def test_the_api_opens_to_whom_the_table_says(db: None, quiet: None, kind: str) -> None:
    browser = browser_of(of_kind(kind))
    for method, address, right in rest_requests():
        answer = getattr(browser, method)(address, content_type="application/json")
        is_shut = answer.status_code == HTTPStatus.FORBIDDEN
        assert is_shut == (right not in HOLDS[kind]), (method, address, answer.status_code, answer.content)


@EACH_KIND
def test_what_is_asked_of_one_and_of_many_at_once_is_the_same(db: None, kind: str) -> None:
    user = of_kind(kind)
    held = {right for right in EVERYTHING if roles.may(user, right)}
    assert held == HOLDS[kind]
    assert {right for right in EVERYTHING if roles.who_may({user.pk}, right)} == held
    User.objects.update(is_active=False)
    assert not any(roles.may(User.objects.get(), right) or roles.who_may({user.pk}, right) for right in EVERYTHING)


def test_the_groups_of_the_migration_are_the_roles_of_the_table(db: None) -> None:
    person("mehta")
    made = {
        group.name: set(group.permissions.filter(codename__in=EVERYTHING).values_list("codename", flat=True))
        for group in Group.objects.all()
    }
    assert made == {name: {str(right) for right in rights} for name, rights in roles.ROLES.items()}


def test_a_stranger_is_told_calmly_whom_to_ask(db: None) -> None:
    answer = browser_of(person("mehta")).get("/")
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert "An administrator gives roles: ask one" in answer.content.decode()


def test_a_role_taken_away_is_gone_with_the_next_click(db: None, quiet: None) -> None:
    user = person("mehta", "viewer")
    browser = browser_of(user)
    assert browser.get("/").status_code == HTTPStatus.OK
    user.groups.clear()
    assert browser.get("/").status_code == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize(("kind", "only_stricter"), [("trader", True), ("risk manager", False)])
def test_who_may_not_resume_cannot_loosen_a_halt_by_letting_exits_through(
    db: None, quiet: None, monkeypatch: pytest.MonkeyPatch, kind: str, only_stricter: bool
) -> None:
    asked: list[bool] = []
    note = MagicMock(side_effect=lambda *_, only_stricter: asked.append(only_stricter) or [])
    monkeypatch.setattr(acts.kill_switch, "set_level", note)
    monkeypatch.setattr(gate, "set_level", note)
    browser = browser_of(of_kind(kind))
    browser.post("/do/gate/", {"level": "reduce_only"})
    browser.post("/api/v1/gate/reduce_only/", content_type="application/json")
    assert asked == [only_stricter] * 2


def test_the_docs_show_the_same_table() -> None:
    text = Path(settings.BASE_DIR, "docs/security.md").read_text(encoding="utf-8")
    for right, words in roles.WORDS.items():
        marks = " | ".join("yes" if right in roles.ROLES[name] else "" for name in roles.ROLES)
        assert f"| {words} | {marks} |".replace("  ", " ") in text, words
