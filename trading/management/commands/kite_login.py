"""kite_login: the day's login to Kite, by its owner."""

import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from alphapanda.core.commands import Command as BaseCommand
from alphapanda.core.timezone import IST
from portfolio.models import Account
from trading.brokers.data_port import CredentialMissing, LoginRefused
from trading.brokers.zerodha import session
from trading.brokers.zerodha.addresses import AddressRefused
from trading.brokers.zerodha.callback import Callback, NoCallback
from trading.brokers.zerodha.practice import practice_request_token
from trading.models import BrokerSession
from trading.orders.broker_port import BrokerError

PORT = 8765
WAIT_SECONDS = 300


class Command(BaseCommand):
    help = "Log an account in to Kite: prints the address, then takes the request token or listens for the callback."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("account", help="name of the account")
        way = parser.add_mutually_exclusive_group()
        way.add_argument("--request-token", help="the request_token the browser came back with")
        way.add_argument("--listen", action="store_true", help="wait on this machine for the browser to come back")
        way.add_argument("--practice", action="store_true", help="log in to the practice exchange without a browser")
        parser.add_argument("--port", type=int, default=PORT, help="to listen on; in the app's redirect URL")
        parser.add_argument("--wait", type=int, default=WAIT_SECONDS, help="seconds to listen")

    def handle(self, *args: Any, **options: Any) -> None:
        account = account_named(options["account"])
        try:
            token = self._request_token(account, options)
            if token:
                self._say_result(account, session.log_in(account, token))
        except (AddressRefused, CredentialMissing, NoCallback, BrokerError, LoginRefused) as problem:
            raise CommandError(str(problem)) from problem

    def _request_token(self, account: Account, options: dict[str, Any]) -> str:
        if options["request_token"]:
            return str(options["request_token"])
        if options["practice"]:
            return practice_request_token(account)
        if options["listen"]:
            return self._listen(account, options)
        self._show_address(account, secrets.token_urlsafe(24))
        self.say("Then run this again with --request-token and the request_token of the address you come back to.")
        return ""

    def _listen(self, account: Account, options: dict[str, Any]) -> str:
        state = secrets.token_urlsafe(24)
        try:
            landing = Callback(options["port"], state)
        except OSError as error:
            raise CommandError(f"port {options['port']} cannot be used: {error.strerror}") from error
        with landing:
            self._show_address(account, state)
            self.say(f"Waiting at {landing.address}, which must be the app's redirect URL…", redirect=landing.address)
            self.stdout.flush()
            return landing.wait(options["wait"])

    def _show_address(self, account: Account, state: str) -> None:
        address = session.login_address(account, state)
        self.say(f"Log {account.name} in at\n  {address}", account=account.name, address=address)

    def _say_result(self, account: Account, opened: BrokerSession) -> None:
        until = opened.expires_at.astimezone(IST)  # type: ignore[union-attr]
        self.say(
            f"{account.name} is logged in to Kite as {opened.user_id} until {until:%H:%M on %d %b %Y}.",
            account=account.name,
            user_id=opened.user_id,
            expires_at=until.isoformat(),
            version=opened.version,
        )


def account_named(name: str) -> Account:
    """Raises CommandError that names the accounts there are."""
    account = Account.objects.filter(name=name).first()
    if account is None:
        known = ", ".join(Account.objects.order_by("name").values_list("name", flat=True)) or "none yet"
        raise CommandError(f"there is no account {name!r}; there are: {known}")
    return account
