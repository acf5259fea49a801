import pytest
from django.contrib.staticfiles import finders
from django.test import Client

PAGES = ["/", "/orders/", "/portfolio/", "/lab/", "/system/", "/sign-in/", "/admin/", "/admin/jsi18n/", "/nowhere/"]
ANSWERS = ["/api/v1/orders/", "/api/v1/positions/", "/api/v1/nothing/", "/api/schema/", "/healthz"]


@pytest.mark.parametrize("address", [*PAGES, *ANSWERS])
def test_no_page_and_no_answer_is_kept(admin_client: Client, address: str) -> None:
    assert "no-store" in admin_client.get(address)["Cache-Control"]
    assert "no-store" in Client().get(address)["Cache-Control"]


def test_static_files_may_be_kept(db: None) -> None:
    assert finders.find("dashboard/css/tokens.css")
    assert "no-store" not in Client().get("/static/dashboard/css/tokens.css").get("Cache-Control", "")
