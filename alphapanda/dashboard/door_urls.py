"""The addresses by which people get in and prove themselves, under the names django-allauth knows them by."""

from allauth.account import views as accounts
from allauth.mfa.base import views as codes
from allauth.mfa.webauthn import views as passkeys
from django.urls import include, path
from django.views.generic import RedirectView

from alphapanda.dashboard.views import people

to_you = RedirectView.as_view(pattern_name="dashboard:you")
urlpatterns = [
    path("sign-in/", people.sign_in, name="account_login"),
    path("sign-in/code/", codes.authenticate, name="mfa_authenticate"),
    path("sign-in/passkey/", passkeys.login_webauthn, name="mfa_login_webauthn"),
    path("you/factors/", to_you, name="mfa_index"),
    path("you/passkeys/", to_you, name="mfa_list_webauthn"),
    path("you/again/", accounts.reauthenticate, name="account_reauthenticate"),
    path("you/again/code/", codes.reauthenticate, name="mfa_reauthenticate"),
    path("you/again/passkey/", passkeys.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("you/app/", include("allauth.mfa.totp.urls")),
    path("you/recovery-codes/", include("allauth.mfa.recovery_codes.urls")),
    path("you/passkeys/add/", passkeys.add_webauthn, name="mfa_add_webauthn"),
    path("you/passkeys/<int:pk>/remove/", passkeys.remove_webauthn, name="mfa_remove_webauthn"),
]
