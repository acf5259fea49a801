"""Where each part of trading stands under /api/v1/."""

from rest_framework.viewsets import ViewSetMixin

from trading.api.backtests import BacktestViewSet
from trading.api.deployments import DeploymentViewSet, EvaluationViewSet, RunViewSet, StrategyViewSet
from trading.api.events import DeadLetterViewSet, EventViewSet
from trading.api.exits import ExitViewSet
from trading.api.gate import BrokerSessionViewSet, GateViewSet
from trading.api.limits import LimitViewSet, MeterViewSet
from trading.api.orders import FillViewSet, OrderViewSet
from trading.api.signals import DecisionViewSet, SignalViewSet
from trading.api.tokens import TokenViewSet

VIEWSETS: dict[str, type[ViewSetMixin]] = {
    "strategies": StrategyViewSet,
    "deployments": DeploymentViewSet,
    "runs": RunViewSet,
    "evaluations": EvaluationViewSet,
    "signals": SignalViewSet,
    "decisions": DecisionViewSet,
    "orders": OrderViewSet,
    "fills": FillViewSet,
    "exits": ExitViewSet,
    "backtests": BacktestViewSet,
    "limits": LimitViewSet,
    "meters": MeterViewSet,
    "gate": GateViewSet,
    "session": BrokerSessionViewSet,
    "events": EventViewSet,
    "dead-letters": DeadLetterViewSet,
    "tokens": TokenViewSet,
}
