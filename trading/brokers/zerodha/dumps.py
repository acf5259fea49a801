"""The day's instruments from Kite, for whoever loads them: named by ``INSTRUMENT_SOURCE`` in the settings."""

from trading.brokers.zerodha.client import KiteError
from trading.brokers.zerodha.mapping import read_error_for
from trading.brokers.zerodha.session import data_session


def fetch_instrument_dump(exchange: str | None = None) -> bytes:
    """Return the day's instruments as CSV, by any session this process may use. Raises BrokerError."""
    try:
        return data_session().client().instrument_dump(exchange)
    except KiteError as error:
        raise read_error_for(error.reply) from error
