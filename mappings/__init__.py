"""Index definitions for both engines: `name@role.json` files, rendered to bodies and installed behind an alias."""

from mappings.loader import Installed, install, switch
from mappings.render import LANGUAGES, MAPPINGS, render, text_fields

__all__ = ["LANGUAGES", "MAPPINGS", "Installed", "install", "render", "switch", "text_fields"]
