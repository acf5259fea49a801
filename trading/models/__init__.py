"""What trading remembers: strategies and their runs, signals, decisions, orders, and the paper exchange's own book."""

from trading.models.backtests import Backtest, BacktestHalfway
from trading.models.broker_side import Arming, BookDifference, BookReading, BrokerStanding, SeenOrder, SeenTrade
from trading.models.exits import ExitPlan
from trading.models.gates import Gate
from trading.models.limits import RiskLimit
from trading.models.orders import Fill, Order, OrderTransition
from trading.models.paper import PaperLiquidity, PaperOrder, PaperRequest, PaperTrade, PriceBand
from trading.models.sessions import BrokerSession
from trading.models.signals import RiskDecision, Signal
from trading.models.strategies import Checkpoint, DayOpening, Deployment, Evaluation, History, Run, RunInput, Strategy
from trading.models.tokens import ApiToken
from trading.models.windows import RateWindow, RememberedRequest

__all__ = [
    "ApiToken",
    "Arming",
    "Backtest",
    "BacktestHalfway",
    "BookDifference",
    "BookReading",
    "BrokerSession",
    "BrokerStanding",
    "Checkpoint",
    "DayOpening",
    "Deployment",
    "Evaluation",
    "ExitPlan",
    "Fill",
    "Gate",
    "History",
    "Order",
    "OrderTransition",
    "PaperLiquidity",
    "PaperOrder",
    "PaperRequest",
    "PaperTrade",
    "PriceBand",
    "RateWindow",
    "RememberedRequest",
    "RiskDecision",
    "RiskLimit",
    "Run",
    "RunInput",
    "SeenOrder",
    "SeenTrade",
    "Signal",
    "Strategy",
]
