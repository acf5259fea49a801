"""Saying it: by every address of ALERT_URLS (apprise knows over a hundred kinds), and the dead-man's ping.

An address holds secrets; it is never logged, nor told.
"""

import apprise
import requests
from django.conf import settings

PING_SECONDS = 4.0
# Its lines name addresses.
apprise.logger.disabled = True


class NotSaid(Exception):
    """No address, or not every one, took the message."""


def say(title: str, body: str, *, is_urgent: bool = False) -> None:
    """Send a message to every address. Raises NotSaid if one did not take it: whoever reads only that one knows not."""
    speaker = apprise.Apprise()
    refused = [number for number, url in enumerate(settings.ALERT_URLS, start=1) if not speaker.add(url)]
    if refused or not settings.ALERT_URLS:
        raise NotSaid(f"ALERT_URLS: address {refused[0]} is not understood" if refused else "ALERT_URLS is empty")
    kind = apprise.NotifyType.FAILURE if is_urgent else apprise.NotifyType.INFO
    failed = [
        number
        for number, server in enumerate(speaker, start=1)
        if not server.notify(body, title=title, notify_type=kind)
    ]
    if failed:
        raise NotSaid(f"address {', '.join(map(str, failed))} of ALERT_URLS did not take it")


def ping() -> None:
    """Tell whoever watches from outside that the desk lives. Raises NotSaid."""
    try:
        answer = requests.get(settings.ALERT_PING_URL, timeout=PING_SECONDS, allow_redirects=False)
        answer.raise_for_status()
    except requests.RequestException as problem:
        raise NotSaid(f"ALERT_PING_URL: {type(problem).__name__}") from None
