"""Settings: names, types and bounds are checked, and each mistake says what to do."""

from typing import Any

import pytest

from dgls.errors import DglsError, SettingError
from dgls.settings import Settings, as_dict, with_settings


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("pause_ms", 0, 0),
        ("pause_ms", "75", 75),  # as on a command line
        ("pause_ms", " 75 ", 75),
        ("pause_ms", 10_000, 10_000),
        ("model", "", ""),
        ("model", "7", "7"),
        ("engine", "scripted", "scripted"),
        ("gap_lengths", [8, 16], (8, 16)),
        ("gap_lengths", "[8, 16]", (8, 16)),
        ("gap_lengths", [], ()),
        ("url", "http://a:1", ("http://a:1",)),
        ("url", "http://a:1, unix:///b.sock", ("http://a:1", "unix:///b.sock")),
        ("url", '["http://a:1"]', ("http://a:1",)),
        ("url", ["http://a:1", "http://b:1"], ("http://a:1", "http://b:1")),
        ("url", "", ()),
        ("placeholders", "pass  # fill, TODO,", ("pass  # fill", "TODO")),
    ],
)
def test_good_values(name: str, given: Any, value: Any) -> None:
    assert as_dict(with_settings(Settings(), {name: given}))[name] == value


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("pause", 1, "there is no setting 'pause': did you mean 'pause_ms'?"),
        ("xyzzy", 1, "there is no setting 'xyzzy': known are engine, model, "),
        ("pause_ms", -1, "setting 'pause_ms' cannot be -1: use 0 or more"),
        ("pause_ms", 10_001, "setting 'pause_ms' cannot be 10001: use 10000 or less"),
        ("pause_ms", "soon", "setting 'pause_ms' cannot be 'soon': use a whole number"),
        ("pause_ms", "", "setting 'pause_ms' cannot be '': use a whole number"),
        ("pause_ms", 1.5, "setting 'pause_ms' cannot be 1.5: use a whole number"),
        ("pause_ms", "1.5", "setting 'pause_ms' cannot be '1.5': use a whole number"),
        ("pause_ms", True, "setting 'pause_ms' cannot be True: use a whole number"),
        ("pause_ms", None, "setting 'pause_ms' cannot be None: use a whole number"),
        ("pause_ms", [1], "setting 'pause_ms' cannot be [1]: use a whole number"),
        ("model", 7, "setting 'model' cannot be 7: use text"),
        ("engine", "remote", "setting 'engine' cannot be 'remote': use `local`, `vllm`, `scripted`"),
        ("engine", 7, "setting 'engine' cannot be 7: use `local`, `vllm`, `scripted`"),
        (
            "engine",
            "ollama",
            "setting 'engine' cannot be 'ollama': Ollama cannot pin code on a canvas yet, as it takes no",
        ),
        ("engine", "llama.cpp", "llama.cpp's server cannot pin code on a canvas yet, as it takes no seed canvas"),
        ("engine", "SGLang", "use engine=vllm"),
        ("engine", "mlx", "use engine=vllm"),
        ("url", [7], "setting 'url' cannot be [7]: use a list of texts"),
        ("url", {"a": 1}, "use a list of texts"),
        ("model", ["a"], "setting 'model' cannot be ['a']: use text"),
        ("gap_lengths", 8, "setting 'gap_lengths' cannot be 8: use a list of whole numbers"),
        ("gap_lengths", [8, 0], "setting 'gap_lengths' cannot be 0: use 1 or more"),
        ("gap_lengths", ["a"], "setting 'gap_lengths' cannot be ['a']: use a list of whole numbers"),
        ("gap_lengths", [1.5], "setting 'gap_lengths' cannot be [1.5]: use a list of whole numbers"),
        ("gap_lengths", "[true]", "setting 'gap_lengths' cannot be '[true]': use a list of whole numbers"),
        ("n_alternatives", 10**30, "use 16 or less"),
    ],
)
def test_bad_values(name: str, given: Any, told: str) -> None:
    with pytest.raises(SettingError) as raised:
        with_settings(Settings(), {name: given})
    assert told in str(raised.value)


def test_nothing_given_changes_nothing() -> None:
    assert with_settings(Settings(seed=3), {}) == Settings(seed=3)


def test_the_given_settings_stay_as_they_are() -> None:
    before = Settings()
    assert with_settings(before, {"seed": 3}).seed == 3
    assert before.seed == 0


def subclasses(error: type[DglsError]) -> list[type[DglsError]]:
    """All errors below an error."""
    return [error, *(found for child in error.__subclasses__() for found in subclasses(child))]


@pytest.mark.parametrize("error", subclasses(DglsError))
def test_an_error_is_one_line(error: type[DglsError]) -> None:
    assert str(error("first\n  second", "do\r\nthis\t!")) == "first second: do this !"


def test_the_tree_of_errors_is_drawn() -> None:
    import dgls.errors

    assert dgls.errors.__doc__ is not None
    for error in subclasses(DglsError):
        assert error.__name__ in dgls.errors.__doc__
