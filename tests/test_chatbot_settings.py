"""Settings: which source wins, and that a bad value names itself."""

import os

import pytest

from chatbot.errors import SettingsError
from chatbot.examples import FILE, read_examples
from chatbot.settings import load_settings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("CHATBOT_")]:
        monkeypatch.delenv(name)


def test_flags_beat_environment_beats_file_beats_defaults(tmp_path, monkeypatch):
    assert load_settings().port == 7860
    (tmp_path / "chatbot.toml").write_text('port = 1111\ncompany = "Acme"\n')
    assert (load_settings().port, load_settings().company) == (1111, "Acme")
    monkeypatch.setenv("CHATBOT_PORT", "2222")
    assert load_settings().port == 2222
    assert load_settings(port=3333).port == 3333
    assert load_settings(port=None).port == 2222


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("port = 99999", "port = 99999"),
        ("accent = 'red'", "accent = 'red'"),
        ("prot = 1", "'prot'"),
        ("port = ", "chatbot.toml"),
    ],
)
def test_a_bad_value_in_the_file_names_itself(tmp_path, text, named):
    (tmp_path / "chatbot.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"chatbot\.toml") as caught:
        load_settings()
    assert named in str(caught.value)


def test_a_bad_variable_and_a_bad_flag_name_themselves(monkeypatch):
    with pytest.raises(SettingsError, match="flag --port"):
        load_settings(port="abc")
    monkeypatch.setenv("CHATBOT_PORT", "abc")
    with pytest.raises(SettingsError, match="CHATBOT_PORT"):
        load_settings()


def test_a_secret_is_read_from_its_file_and_never_shown(tmp_path, monkeypatch):
    secret = tmp_path / "url"
    secret.write_text("postgresql://u:hunter2@localhost/x\n")
    monkeypatch.setenv("CHATBOT_DATABASE_URL_FILE", str(secret))
    settings = load_settings()
    assert settings.database_url.get_secret_value().endswith("/x")
    assert "hunter2" not in repr(settings)


def test_lists_come_from_commas(monkeypatch):
    monkeypatch.setenv("CHATBOT_LANGUAGES", "en, de ,")
    assert load_settings().languages == ("en", "de")


def test_examples_come_by_language_from_a_table_or_as_json(tmp_path, monkeypatch):
    (tmp_path / "chatbot.toml").write_text('[examples]\nen = ["Where is it?", " How much? "]\nde = ["Wo?"]\n')
    assert load_settings().examples == {"en": ("Where is it?", "How much?"), "de": ("Wo?",)}
    monkeypatch.setenv("CHATBOT_EXAMPLES", '{"fr": ["Où ?"]}')
    assert load_settings().examples == {"fr": ("Où ?",)}


@pytest.mark.parametrize("text", ["{", '["a"]', '{"English": ["a"]}', '{"en": [""]}', '{"en": ["1","2","3","4","5"]}'])
def test_examples_that_cannot_be_name_the_variable(monkeypatch, text):
    monkeypatch.setenv("CHATBOT_EXAMPLES", text)
    with pytest.raises(SettingsError, match="CHATBOT_EXAMPLES: examples"):
        load_settings()


def test_examples_of_the_data_folder(tmp_path):
    assert read_examples(tmp_path) == {}
    (tmp_path / FILE).write_text('{"en": ["Where is it?"]}')
    assert read_examples(tmp_path) == {"en": ("Where is it?",)}
    (tmp_path / FILE).write_text('{"en": "Where is it?"}')
    with pytest.raises(SettingsError, match=r"examples\.json: en"):
        read_examples(tmp_path)


def test_a_named_file_that_is_missing_is_an_error(monkeypatch):
    monkeypatch.setenv("CHATBOT_CONFIG", "nowhere.toml")
    with pytest.raises(SettingsError, match=r"nowhere\.toml"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CHATBOT_ANSWER_TRESHOLD", "CHATBOT_ANSWER_THRESHOLD"),
        ("CHATBOT_DATABASE_URL_FIEL", "CHATBOT_DATABASE_URL_FILE"),
        ("chatbot_prot", "CHATBOT_PORT"),
    ],
)
def test_a_misspelt_variable_is_refused_with_the_one_that_was_meant(monkeypatch, name, meant):
    monkeypatch.setenv(name, "hunter2")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.exit_code == 2
    assert str(caught.value).startswith(f"{name}: there is no such setting (did you mean {meant}?)")
    assert "hunter2" not in str(caught.value)


def test_a_variable_like_no_other_is_refused_without_a_guess(monkeypatch):
    monkeypatch.setenv("CHATBOT_WEATHER", "sunny")
    with pytest.raises(SettingsError, match=r"^CHATBOT_WEATHER: there is no such setting\. `chatbot doctor"):
        load_settings()


def test_variables_of_others_and_every_one_of_ours_pass(monkeypatch, tmp_path):
    for name in ("CHAOS_ROUNDS", "CHATBOTS", "MY_CHATBOT_X", "CHATBOT_MODEL_SERVER_KEY"):
        monkeypatch.setenv(name, "1")
    (tmp_path / "key").write_text("k" * 40)
    for name in ("DATABASE_URL", "MODEL_API_KEY", "COOKIE_KEY", "METRICS_TOKEN"):
        monkeypatch.setenv(f"CHATBOT_{name}_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("CHATBOT_DATABASE_URL_FILE", "")
    assert load_settings().cookie_key.get_secret_value() == "k" * 40


def test_a_misspelt_setting_in_the_file_names_the_one_that_was_meant(tmp_path, monkeypatch):
    (tmp_path / "own.toml").write_text("answer_treshold = 0.5")
    monkeypatch.setenv("CHATBOT_CONFIG", "own.toml")
    with pytest.raises(SettingsError, match=r"own\.toml.*'answer_treshold' \(did you mean answer_threshold\?\)"):
        load_settings()


@pytest.mark.parametrize("mode", ["foo", "fixed"])
def test_the_modes_that_are_offered_are_those_that_can_be_chosen(monkeypatch, mode):
    monkeypatch.setenv("CHATBOT_REPLY_MODE", mode)
    with pytest.raises(SettingsError, match=rf"'{mode}' does not work: choose one of precedent, adapted, generated\.$"):
        load_settings()


@pytest.mark.parametrize(
    ("url", "named"), [("mysql://u:hunter2@h/x", "mysql:// is no database"), ("hunter2", "is not a URL")]
)
def test_a_database_of_another_kind_is_refused_by_name_and_its_password_not_shown(monkeypatch, tmp_path, url, named):
    monkeypatch.setenv("CHATBOT_DATABASE_URL", url)
    with pytest.raises(SettingsError, match=f"^CHATBOT_DATABASE_URL: .*{named}") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)
    monkeypatch.delenv("CHATBOT_DATABASE_URL")
    (tmp_path / "url").write_text(url)
    monkeypatch.setenv("CHATBOT_DATABASE_URL_FILE", str(tmp_path / "url"))
    with pytest.raises(SettingsError, match=f"^CHATBOT_DATABASE_URL_FILE: .*{named}"):
        load_settings()


@pytest.mark.parametrize("url", ["sqlite:///x.db", "postgres://h/x", "postgresql+psycopg://u:p@h/x"])
def test_databases_that_are_known(url):
    assert load_settings(database_url=url).database_url.get_secret_value() == url
