"""run_alerts: tell people what is wrong, until told to stop; or try whether they hear."""

import signal
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from alphapanda.alerts import sending
from alphapanda.core.commands import WRONG_INPUT
from alphapanda.core.commands import Command as BaseCommand
from alphapanda.core.telemetry import heartbeats, live_lines
from alphapanda.runner.alerting import Alerting


class Command(BaseCommand):
    help = "Say by ALERT_URLS what Live says is wrong, again while somebody must act; --test sends one and ends."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--test", action="store_true", help="send one message to every address, and end")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.ALERT_URLS:
            raise CommandError("ALERT_URLS is empty: nobody would hear.", returncode=WRONG_INPUT)
        if options["test"]:
            self._test()
            return
        live_lines.begin_publishing("alerts")
        alerting = Alerting()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: alerting.stopped.set())
        with heartbeats.keep_beating("alerts", "tells people what is wrong"):
            alerting.run()

    def _test(self) -> None:
        try:
            sending.say(f"{settings.ALERT_NAME}: this is a test", "Whoever reads this hears of trouble.")
        except sending.NotSaid as problem:
            raise CommandError(f"Not said: {problem}.") from problem
        count = len(settings.ALERT_URLS)
        self.say(f"Sent to {count} address{'es' if count > 1 else ''}; see whether it came.", sent=count)
