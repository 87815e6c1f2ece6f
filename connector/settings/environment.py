"""Settings from the environment: `SECONDPASS_ENGINE__URL`; lists as JSON, those of plain texts also with commas."""

from typing import Any

from pydantic_settings import EnvSettingsSource


class Environment(EnvSettingsSource):
    """Only variables of known sections: SECONDPASS_CONFIG and the tests' own are not settings."""

    def _load_env_vars(self) -> dict[str, str | None]:
        sections = tuple(f"secondpass_{name}" for name in self.settings_cls.model_fields)
        return {
            key: value
            for key, value in super()._load_env_vars().items()
            if any(key == section or key.startswith(f"{section}__") for section in sections)
        }

    def decode_complex_value(self, field_name: str, field: Any, value: Any) -> Any:
        """Lists as JSON, or plain text (`SECONDPASS_ENGINE__URL=http://a:9200,http://b:9200`)."""
        try:
            decoded = super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value
        return decoded if isinstance(decoded, list | dict | str) else value  # a key of digits alone is no number
