"""Counters and claims that several processes share: order rates, requests seen before."""

from django.conf import settings
from django.db import models

from portfolio.models import Account
from trading.models.columns import id_column


class RateWindow(models.Model):
    """Orders sent in one calendar second, minute or day of the broker's clock."""

    id = id_column()
    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    span = models.CharField(max_length=6, help_text="second, minute, day; exit_s, _m, _d: what exits used")
    starts_at = models.DateTimeField()
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "span", "starts_at"], name="one_rate_window")]


class RememberedRequest(models.Model):
    """An API write with an Idempotency-Key: asked again, it gets the first answer."""

    id = id_column()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    key = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64, help_text="of method, path and body")
    status = models.PositiveIntegerField(null=True)
    answer = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="one_request_per_key")]
