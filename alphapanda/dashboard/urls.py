"""The addresses of the pages and of the acts they offer."""

from django.urls import path

from alphapanda.dashboard.views import acts, morning, pages, people, you

app_name = "dashboard"
urlpatterns = [
    path("", pages.show_live, name="live"),
    path("strategies/", pages.show_strategies, name="strategies"),
    path("strategies/<uuid:deployment_id>/", pages.show_deployment, name="deployment"),
    path("orders/", pages.show_orders, name="orders"),
    path("orders/<uuid:order_id>/", pages.order_story, name="order_story"),
    path("portfolio/", pages.show_portfolio, name="portfolio"),
    path("lab/", pages.show_lab, name="lab"),
    path("lab/<uuid:backtest_id>/", pages.show_backtest, name="backtest"),
    path("lab/<uuid:backtest_id>/<str:table>", pages.download_result, name="backtest_file"),
    path("system/", pages.show_system, name="system"),
    path("flight/", morning.show_flight, name="flight"),
    path("handover/", morning.show_handover, name="handover"),
    path("logins/", morning.show_logins, name="logins"),
    path("logins/back/", morning.come_back, name="login_back"),
    path("do/logins/<uuid:account_id>/<slug:act>/", morning.act_on_login, name="login_act"),
    path("find/", pages.find, name="find"),
    path("do/gate/", acts.set_level, name="gate"),
    path("do/accounts/<uuid:account_id>/<slug:act>/", acts.arm_account, name="arming"),
    path("do/deployments/<uuid:deployment_id>/<slug:act>/", acts.act_on_deployment, name="deployment_act"),
    path("do/positions/<uuid:position_id>/exit/", acts.exit_position, name="exit_position"),
    path("do/orders/place/", acts.place_order, name="place_order"),
    path("do/orders/reckon/", acts.reckon_order, name="reckon_order"),
    path("do/orders/<uuid:order_id>/cancel/", acts.cancel_order, name="cancel_order"),
    path("do/backtests/ask/", acts.ask_for_backtest, name="ask_backtest"),
    path("do/backtests/<uuid:backtest_id>/cancel/", acts.cancel_backtest_asked, name="cancel_backtest"),
    path("do/alerts/<uuid:alert_id>/acknowledge/", acts.acknowledge_alert, name="acknowledge_alert"),
    path("do/dead-letters/<uuid:letter_id>/<slug:act>/", acts.decide_dead_letter, name="dead_letter_act"),
    path("you/", you.show_you, name="you"),
    path("you/password/", you.change_password, name="change_password"),
    path("do/you/sessions/end/", you.end_sessions, name="end_sessions"),
    path("do/you/tokens/<uuid:token_id>/revoke/", you.revoke_own_token, name="revoke_token"),
    path("theme/", people.choose_theme, name="theme"),
    path("sign-in/", people.sign_in, name="sign_in"),
    path("sign-in/<str:token>/", people.sign_in_by_link, name="sign_in_by_link"),
    path("sign-out/", people.sign_out, name="sign_out"),
]
