"""Implements ``trading.brokers.data_port.BrokerFolder``: what the rest of the product asks of Zerodha."""

from trading.brokers.zerodha.market_data import KiteMarketData
from trading.brokers.zerodha.practice import log_in_to_practice
from trading.brokers.zerodha.session import open_session

__all__ = ["log_in_to_practice", "open_market_data"]


def open_market_data(account_name: str) -> KiteMarketData:
    return KiteMarketData(open_session(account_name).client())
