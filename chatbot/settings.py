"""One frozen `Settings`: defaults < `chatbot.toml` < `CHATBOT_*` < flags. Reads files, makes none."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from chatbot.errors import SettingsError
from chatbot.examples import Examples
from chatbot.hours import read_hours, read_zone
from chatbot.origins import check_origin
from chatbot.types import Mode
from chatbot.variables import CONFIG, PREFIX, WHERE_ALL_ARE, file_variable, misspelt, nearest, variable

CONFIG_FILE = "chatbot.toml"
_SECRETS = ("database_url", "model_api_key", "cookie_key", "metrics_token", "oidc_client_secret")

REPLY_MODES = (Mode.PRECEDENT, Mode.ADAPTED, Mode.GENERATED)  # "fixed" is what the product's own sentences are
_DATABASES = ("sqlite", "postgresql", "postgres")

Words = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """Everything that a deployment can choose. Lives as long as the process; share it freely."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    # where
    data: Path = Field(Path("data"), description="folder with everything that this deployment owns")
    database_url: SecretStr | None = Field(None, description="SQLAlchemy URL; default: SQLite in the data folder")
    host: str = Field("127.0.0.1", description="address that the web process listens on")
    port: int = Field(7860, ge=0, le=65535, description="port that the web process listens on; 0 picks a free one")
    public_url: str | None = Field(
        None, description="address that customers use, if a proxy stands in front (https://...)"
    )
    embed_origins: Words = Field(
        (), description="sites that may show the chat on their pages, e.g. https://www.shop.example; none: nobody may"
    )
    trusted_proxies: Words = Field((), description="addresses whose X-Forwarded-For is believed")

    # who
    company: str = Field("Northpine Outdoor", min_length=1, max_length=60, description="name in the chat window")
    accent: str = Field("#0f6b52", pattern=r"^#[0-9a-fA-F]{6}$", description="accent colour of the pages")
    privacy_url: str | None = Field(None, pattern=r"^https?://", description="link to the privacy statement")
    examples: Annotated[Examples, NoDecode] = Field(
        {},
        description='up to four example questions by language, {"en": ["..."]}; default: the data folder\'s examples.json',
    )

    # the generator
    model: str = Field("smollm2-135m", description="catalogue name, hub id, folder, or a .gguf file")
    model_url: str | None = Field(
        None, pattern=r"^https?://", description="an OpenAI-compatible server in place of the local model server"
    )
    model_api_key: SecretStr | None = Field(None, description="key for model_url")
    adapter: Path | None = Field(None, description="folder of a PEFT adapter (transformers engine)")
    engine: Literal["auto", "openvino", "transformers", "none"] = Field(
        "auto", description="auto: transformers on a GPU, openvino on a CPU; none: no generator at all"
    )
    model_languages: Words = Field((), description="languages the generator is good for; default: from the catalogue")
    reply_mode: Mode = Field(
        Mode.PRECEDENT, description="precedent, adapted, or generated (only for models fit for it)"
    )
    model_fit: Words = Field(
        (),
        description="modes that an evaluated custom model is fit for, and translate; default: from the catalogue",
    )

    # the encoder
    encoder: str = Field("minilm-l6", description="catalogue name, hub id or folder of the sentence encoder")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="where models run")
    allow_download: bool = Field(False, description="may models be fetched from the hub?")

    # the turn
    first_token_s: float = Field(5.0, gt=0, le=60, description="seconds until the generator must have begun")
    deadline_s: float = Field(30.0, gt=0, le=300, description="seconds for a whole turn")
    max_new_tokens: int = Field(256, ge=1, le=512, description="longest generated reply, tokens")
    slots: int = Field(8, ge=1, le=256, description="replies that the model server writes at once")
    answer_threshold: float = Field(0.63, ge=0, le=1, description="confidence from which the bot answers")
    ask_threshold: float = Field(
        0.35, ge=0, le=1, description="confidence from which it asks back instead of handing over"
    )
    languages: Words = Field(("en", "zh", "de", "es", "fr"), description="languages the company serves")

    person_topics: Words = Field(
        (), description="topics that always go to a person, as the published topic head names them"
    )

    # limits and privacy
    max_message_chars: int = Field(4000, ge=1, le=100_000, description="longest customer message, characters")
    max_body_bytes: int = Field(256_000, ge=10_000, description="largest request body, bytes")
    max_upload_mb: int = Field(500, ge=1, le=100_000, description="largest export that an admin may upload, MB")
    messages_per_minute: int = Field(20, ge=1, description="customer messages a minute and conversation")
    turns_per_ip: int = Field(3, ge=1, description="turns at once from one IP prefix")
    keep_visible: Words = Field(
        (), description="own contact data that is never masked, e.g. help@shop.example, shop.example"
    )

    # the team
    admin_totp: bool = Field(False, description="admins must set up a second factor before they may do anything else")
    oidc_issuer: str | None = Field(
        None,
        pattern=r"^https?://[^\s?#]+$",
        description="sign-in service (OpenID Connect), e.g. https://login.shop.example",
    )
    oidc_client_id: str | None = Field(None, min_length=1, description="this deployment's name at oidc_issuer")
    oidc_client_secret: SecretStr | None = Field(None, description="its secret at oidc_issuer")

    # people behind the bot
    business_hours: Annotated[dict[str, str], NoDecode] = Field(
        {}, description='when the team is there, {"mon": "09:00-12:30, 13:30-17:00", ...}; default: always'
    )
    time_zone: str = Field("UTC", description="IANA time zone of business_hours, such as Europe/Berlin")
    wait_minutes: int = Field(
        5, ge=1, le=1440, description="minutes after which a customer who waits is told, and asked for an address"
    )

    retention_days: Annotated[dict[Literal["bot", "closed"], Annotated[int, Field(ge=1)]], NoDecode] = Field(
        {},
        description='days after its last change that a conversation is kept, {"closed": 365, "bot": 90}; default: for ever',
    )

    # the process
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_json: bool = Field(False, description="one JSON object a log line")
    metrics_token: SecretStr | None = Field(None, description="bearer token for /metrics; unset: no /metrics")
    cookie_key: SecretStr | None = Field(None, description="signs cookies; default: made once in the data folder")

    @field_validator(
        "embed_origins",
        "trusted_proxies",
        "model_languages",
        "model_fit",
        "languages",
        "keep_visible",
        "person_topics",
        mode="before",
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("embed_origins", mode="after")
    @classmethod
    def _origins(cls, value: Words) -> Words:
        for each in value:
            check_origin(each)
        return value

    @field_validator("reply_mode", mode="before")
    @classmethod
    def _one_to_choose(cls, value: Any) -> Any:
        if value not in REPLY_MODES:
            raise ValueError(f"choose one of {', '.join(REPLY_MODES)}")
        return value

    @field_validator("database_url", mode="before")
    @classmethod
    def _known_database(cls, value: Any) -> Any:
        kind, scheme, _ = (value.get_secret_value() if isinstance(value, SecretStr) else str(value)).partition("://")
        if value is not None and (not scheme or kind.partition("+")[0] not in _DATABASES):
            named = f"{kind}:// is no database known here" if scheme else "it is not a URL"
            raise ValueError(f"{named}; take postgresql://user:password@host/database or sqlite:///file")
        return value

    @field_validator("examples", mode="before")
    @classmethod
    def _from_json(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError as exc:
            raise ValueError('it must be JSON such as {"en": ["Where is my parcel?"]}') from exc

    @field_validator("retention_days", mode="before")
    @classmethod
    def _days_from_json(cls, value: Any) -> Any:
        try:
            return json.loads(value) if isinstance(value, str) else value
        except ValueError as exc:
            raise ValueError('it must be JSON such as {"closed": 365, "bot": 90}') from exc

    @field_validator("business_hours", mode="before")
    @classmethod
    def _known_hours(cls, value: Any) -> Any:
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError as exc:
                raise ValueError('it must be JSON such as {"mon": "09:00-17:00"}') from exc
        if not isinstance(value, dict) or not all(isinstance(part, str) for item in value.items() for part in item):
            raise ValueError('it must name days with their hours, such as {"mon": "09:00-17:00"}')
        read_hours(value)
        return value

    @field_validator("time_zone", mode="after")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        read_zone(value)
        return value

    @field_validator("data", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @property
    def index_folder(self) -> Path:
        return self.data / "index"

    @property
    def models_folder(self) -> Path:
        return self.data / "models"

    @property
    def logs_folder(self) -> Path:
        return self.data / "logs"


def load_settings(config: Path | None = None, **flags: Any) -> Settings:
    """Reads the settings once. Flags that are None do not count; secrets may also come as `CHATBOT_<NAME>_FILE`.

    config: path of the TOML file; default `CHATBOT_CONFIG`, then `chatbot.toml` in the working folder, if there.
    Raises SettingsError naming the setting, its value and where it was set.
    """
    from_file = _read_config(config)
    given = {name: value for name, value in flags.items() if value is not None}
    below_environment = {name: value for name, value in from_file.items() if variable(name) not in os.environ}
    if strange := misspelt(Settings.model_fields, _SECRETS):
        raise SettingsError(strange)
    try:
        return Settings(**(below_environment | _read_secret_files() | given))
    except ValidationError as exc:
        raise SettingsError(
            _explain(exc, from_file, given, str(config or os.environ.get(CONFIG) or CONFIG_FILE))
        ) from exc


def _read_config(config: Path | None) -> dict[str, Any]:
    named = config or (Path(os.environ[CONFIG]) if os.environ.get(CONFIG) else None)
    path = named or Path(CONFIG_FILE)
    if not path.exists():
        if named:
            raise SettingsError(f"The settings file {path} does not exist; make it or leave {CONFIG} unset.")
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise SettingsError(f"The settings file {path} cannot be read: {exc}.") from exc


def _read_secret_files() -> dict[str, str]:
    secrets = {}
    for name in _SECRETS:
        place = file_variable(name)
        if path := os.environ.get(place):
            try:
                secrets[name] = Path(path).read_text(encoding="utf-8").strip()
            except OSError as exc:
                raise SettingsError(f"{place}={path} cannot be read: {exc.strerror}.") from exc
    return secrets


def _explain(exc: ValidationError, from_file: dict[str, Any], given: dict[str, Any], file: str) -> str:
    first = exc.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else "settings"
    if name in given:
        where = f"flag --{name.replace('_', '-')}"
    elif variable(name) in os.environ:
        where = variable(name)
    elif name in _SECRETS and file_variable(name) in os.environ:
        where = file_variable(name)
    else:
        where = file if name in from_file else "settings"
    if first["type"] == "extra_forbidden":
        return f"{where}: there is no setting named {name!r}{nearest(name, Settings.model_fields)}. {WHERE_ALL_ARE}"
    shown = "(secret)" if name in _SECRETS else repr(first.get("input"))
    return f"{where}: {name} = {shown} does not work: {first['msg'].removeprefix('Value error, ')}."
