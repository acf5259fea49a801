"""The web process: its schema is clean, its docs keep to a strict policy, and it knows no broker."""

import os
import subprocess
import sys
from typing import Any

import pytest
from django.core.management import call_command


def test_the_schema_is_valid_and_without_a_warning(tmp_path: Any) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))


@pytest.fixture
def reader(db: None, client: Any, django_user_model: Any) -> Any:
    client.force_login(django_user_model.objects.create_user("mehta", is_superuser=True))
    return client


def test_every_write_documents_its_key(reader: Any) -> None:
    paths = reader.get("/api/schema/?format=json").json()["paths"]
    keys = {
        address: [
            each.get("required", False) for each in methods["post"]["parameters"] if each["name"] == "Idempotency-Key"
        ]
        for address, methods in paths.items()
        if "post" in methods and address != "/api/v1/tokens/"  # its answer is never kept, so never given again
    }
    assert [address for address, found in keys.items() if found == [True]] == ["/api/v1/exits/", "/api/v1/orders/"]
    assert all(len(found) == 1 for found in keys.values())


def test_writes_and_no_others_document_a_body_that_is_too_large(reader: Any) -> None:
    paths = reader.get("/api/schema/?format=json").json()["paths"]
    said = {(method, "413" in one["responses"]) for methods in paths.values() for method, one in methods.items()}
    assert said == {("get", False), ("post", True), ("delete", True)}


def test_the_docs_may_style_inline_and_nothing_else_may(reader: Any) -> None:
    docs, page = (reader.get(address)["Content-Security-Policy"] for address in ("/api/docs/", "/api/schema/"))
    assert "style-src 'self' 'unsafe-inline'" in docs
    assert "script-src" in docs
    assert "unsafe" not in docs.split("script-src")[1].split(";")[0]
    assert "unsafe" not in page


def test_the_docs_script_is_served_apart_as_a_script(reader: Any) -> None:
    assert reader.get("/api/docs/?script=")["Content-Type"] == "application/javascript"


def test_the_web_process_never_imports_the_brokers_client() -> None:
    asks = (
        "import sys, alphapanda.asgi;"
        "from django.urls import get_resolver; get_resolver().url_patterns;"
        "print([name for name in sys.modules if name.split('.')[0] in ('kiteconnect', 'kitesim')])"
    )
    found = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, env=os.environ, check=True)
    assert found.stdout.strip().splitlines()[-1] == "[]"
