"""Signing in through the unified login: the client's side of OpenID Connect.

Authorization code with PKCE (S256), state and nonce. What a trip needs is in the database, tied to one browser by a cookie; pages,
cookies and who the person is among our users are not known here.

    failures.py   why nobody was signed in
    client.py     a trip there and back, and logging out
    trips.py      trips under way
    provider.py   the provider as it describes itself; everything that is asked of it
    tokens.py     what it signed
    person.py     what it says of the person
"""

from app.auth.sign_in.client import Arrived, Begun, Departed, OpenIdClient, openid_client
from app.auth.sign_in.failures import ProviderAtFault, ProviderUnavailable, SignInFailed, SignInInterrupted, SignInRefused, TooManySignIns
from app.auth.sign_in.person import Owned, Person
from app.auth.sign_in.trips import SIGN_IN_MINUTES

__all__ = [
    "SIGN_IN_MINUTES",
    "Arrived",
    "Begun",
    "Departed",
    "OpenIdClient",
    "Owned",
    "Person",
    "ProviderAtFault",
    "ProviderUnavailable",
    "SignInFailed",
    "SignInInterrupted",
    "SignInRefused",
    "TooManySignIns",
    "openid_client",
]
