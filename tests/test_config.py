import re
from pathlib import Path

import pytest

from app.config import _VARIABLES, PROJECT_ROOT, Settings
from app.errors import ConfigError


def test_empty_environment_gives_the_defaults():
    assert Settings.from_env({}) == Settings()


def test_empty_value_means_the_default():
    assert Settings.from_env({"PORT": " ", "MODEL": ""}) == Settings()


def test_every_variable_reaches_its_field():
    settings = Settings.from_env(
        {"MONGODB_URI": "mongodb://h", "PORT": "81", "ID_TYPE": "int", "GALLERY_ROOT": "g"}
    )

    assert settings.mongodb_uri == "mongodb://h"
    assert (settings.port, settings.id_type, settings.gallery_root) == (81, "int", Path("g"))


@pytest.mark.parametrize(("text", "allowed"), [("1", True), ("true", True), ("0", False)])
def test_pictures_at_urls_are_fetched_for_requests_only_where_that_is_set(text, allowed):
    assert Settings.from_env({}).allow_image_urls is False
    assert Settings.from_env({"ALLOW_IMAGE_URLS": text}).allow_image_urls is allowed


def test_options_of_local_atlas_reach_their_fields():
    settings = Settings.from_env({"LOCAL_ATLAS_STRICT": "true", "LOCAL_ATLAS_INDEX_LAG_MS": "250"})

    assert settings.local_atlas_strict is True
    assert settings.local_atlas_index_lag_ms == 250
    assert Settings.from_env({"LOCAL_ATLAS_STRICT": "false"}).local_atlas_strict is False


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MONGODB_URI", "http://example.com"),
        ("MONGODB_URI", "mongodb://"),
        ("MONGODB_URI", "mongodb://[::1"),
        ("MONGODB_URI", "mongodb://h:99999"),
        ("MONGODB_URI", "mongodb://h:abc"),
        ("MONGODB_URI", "mongodb+srv://h:27017"),
        ("LOCAL_ATLAS_PATH", "~no-such-user/data"),
        ("LOCAL_ATLAS_STRICT", "yes"),
        ("LOCAL_ATLAS_INDEX_LAG_MS", "-1"),
        ("LOCAL_ATLAS_INDEX_LAG_MS", "0.5"),
        ("DATABASE", "a/b"),
        ("DATABASE", "é" * 32),
        ("COLLECTION", "a$b"),
        ("COLLECTION", ".a"),
        ("COLLECTION", "a."),
        ("COLLECTION", "a..b"),
        ("GALLERY_BUCKET", "photos"),
        ("GALLERY_BUCKET", "https://shop.example/photos"),
        ("GALLERY_BUCKET", "s3:///photos"),
        ("GALLERY_BUCKET", "s3://key:secret@shop/photos"),
        ("ID_TYPE", "uuid"),
        ("MODEL_PRECISION", "fp16"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "eighty"),
        ("MAX_CONTENT_LENGTH", "-1"),
        ("MAX_IMAGE_PIXELS", "1.5"),
        ("MAX_TIME_MS", "0"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_bad_value_is_refused_naming_the_variable(variable, value):
    with pytest.raises(ConfigError, match=variable):
        Settings.from_env({variable: value})


def test_a_bucket_with_a_password_is_refused_without_repeating_it():
    with pytest.raises(ConfigError) as error:
        Settings.from_env({"GALLERY_BUCKET": "s3://key:s3cr3t@shop/photos"})

    assert "s3cr3t" not in error.value.message


def test_environment_wins_over_the_env_file(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("PORT=81\nMODEL=clip\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PORT", "82")

    settings = Settings.from_env()

    assert (settings.port, settings.model) == (82, "clip")


def test_password_is_in_neither_repr_nor_label():
    settings = Settings.from_env({"MONGODB_URI": "mongodb+srv://me:secret@cluster.example.net/x"})

    assert "secret" not in repr(settings)
    assert settings.database_label == "cluster.example.net"


@pytest.mark.parametrize("password", ["se/cret", "se?cret", "se#cret", "se[cret", "se@cret"])
def test_password_that_is_not_escaped_is_never_repeated(password):
    uri = f"mongodb://me:{password}@h.example.net/x"
    try:
        said = Settings.from_env({"MONGODB_URI": uri}).database_label
    except ConfigError as error:
        said = error.message

    assert "se" not in re.findall(r"\w+", said)
    assert "cret" not in said


@pytest.mark.parametrize(
    ("uri", "label"),
    [
        ("mongodb://h", "h"),
        ("mongodb://me:it%40is@a:1,b:2/x?retryWrites=true", "a:1,b:2"),
        ("mongodb://%2Ftmp%2Fs.sock/?directConnection=true", "%2Ftmp%2Fs.sock"),
        ("mongodb://[::1]:27017/", "[::1]:27017"),
        ("mongodb+srv://me:secret@h.example.net?srvServiceName=shop", "h.example.net"),
    ],
)
def test_label_is_the_hosts_of_the_uri(uri, label):
    assert Settings.from_env({"MONGODB_URI": uri}).database_label == label


def test_env_file_that_is_no_text_is_refused(tmp_path, monkeypatch):
    (tmp_path / ".env").write_bytes(b"MODEL=caf\xe9\n")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError, match=r"\.env"):
        Settings.from_env()


def test_env_example_documents_every_variable_and_no_other():
    text = (PROJECT_ROOT / ".env.example").read_text()

    assert set(re.findall(r"^([A-Z_]+)=", text, re.MULTILINE)) == set(_VARIABLES)


def test_env_example_gives_the_defaults(monkeypatch):
    monkeypatch.chdir(PROJECT_ROOT)
    text = (PROJECT_ROOT / ".env.example").read_text()
    values = dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE))

    settings = Settings.from_env(values)

    defaults = Settings()
    for name in Settings.__dataclass_fields__:
        given, default = getattr(settings, name), getattr(defaults, name)
        if isinstance(default, Path):
            assert given.resolve() == default
        else:
            assert given == default
