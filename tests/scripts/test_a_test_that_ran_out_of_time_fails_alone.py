"""A query left half-way by a test that was interrupted does not fail the tests after it."""

import pytest
from django.db import connection

from tests.realservers import drop_half_asked


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_is_still_asking_is_dropped():
    connection.ensure_connection()
    connection.connection.pgconn.send_query(b"SELECT 1")
    drop_half_asked()
    with connection.cursor() as cursor:
        assert cursor.execute("SELECT 2").fetchone() == (2,)


@pytest.mark.django_db(transaction=True)
def test_one_that_is_not_is_kept():
    connection.ensure_connection()
    before = connection.connection
    drop_half_asked()
    assert connection.connection is before
