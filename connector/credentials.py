"""How we show an engine who we are, and know it: `engine.service_auth`, `engine.ca` and the client certificate; and how
none of it gets into what is written down.
"""

import base64
import re
import ssl

from connector.errors import ConfigError
from connector.settings import Engine as EngineSettings

_ACCOUNT = re.compile(r"(?<=://)[^/\s]*@|(?<=[?&]password=)[^&\s]*")  # redis:// takes a password as an option, too


def authorization(service_auth: str) -> str:
    """The Authorization header of `engine.service_auth`; "" where it is empty. Raises ConfigError."""
    kind, _, secret = service_auth.partition(":")
    if not service_auth:
        return ""
    if kind == "basic" and ":" in secret:
        return "Basic " + base64.b64encode(secret.encode()).decode()
    if kind == "apikey" and secret:
        return f"ApiKey {secret}"
    raise ConfigError('engine.service_auth must read "basic:user:password" or "apikey:..."')


def tls_context(settings: EngineSettings) -> ssl.SSLContext | bool:
    """What httpx needs for `verify`: the settings' authority and client certificate, else its own default."""
    if not (settings.ca or settings.client_cert):
        return True
    try:
        context = ssl.create_default_context(cafile=settings.ca or None)
        if settings.client_cert:
            context.load_cert_chain(settings.client_cert, settings.client_key or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"engine.ca, client_cert or client_key cannot be read: {error}") from error
    return context


def without_passwords(text: str) -> str:
    """The same text, without the user and password of any address in it: for command lines that are kept."""
    return _ACCOUNT.sub("", text)
