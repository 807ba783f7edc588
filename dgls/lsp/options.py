"""Settings that come from the editor."""

from dataclasses import fields
from hashlib import sha256
from typing import Any

from lsprotocol import types as lsp

from dgls.errors import SettingError
from dgls.settings import Settings, with_settings

SECTION = "dgls"

# What the server reads anew for each request; all others are the engine's, and a change of them needs another engine.
_LIVE = frozenset(
    {
        *("pause_ms", "deadline_ms", "least_sureness_percent", "unsure_percent", "n_alternatives"),
        *("popup", "max_document_chars", "next_edits", "placeholders"),
        *("log_file", "log_level"),
    }
)


def workspace_of(params: lsp.InitializeParams) -> str:
    """A hash of the folder that an editor works in, as engines know no URI; empty when it names none."""
    folders = params.workspace_folders or ()
    uri = folders[0].uri if folders else params.root_uri or ""
    return sha256(uri.encode()).hexdigest()[:16] if uri else ""


def wants(capabilities: lsp.ClientCapabilities) -> frozenset[str]:
    """Which of our own notifications an editor asked for: the names that are true in `experimental.dgls`."""
    experimental = capabilities.experimental
    asked = experimental.get("dgls") if isinstance(experimental, dict) else None
    return (
        frozenset(name for name, wanted in asked.items() if wanted is True) if isinstance(asked, dict) else frozenset()
    )


def wants_popup(settings: Settings, capabilities: lsp.ClientCapabilities) -> bool:
    """Whether fills are offered in the completion popup, by the setting and what the editor says it has."""
    document = capabilities.text_document
    has_ghost_text = document is not None and document.inline_completion is not None
    return settings.popup == "on" or (settings.popup == "auto" and not has_ghost_text)


def section(given: Any) -> Any:
    """Our part of an editor's configuration: what stands under "dgls", else all of it."""
    return given[SECTION] if isinstance(given, dict) and SECTION in given else given


def applied(settings: Settings, given: Any) -> tuple[Settings, list[SettingError]]:
    """The settings with those given that are good, and what is wrong with the others; null means "not set"."""
    if given is None:
        return settings, []
    if not isinstance(given, dict):
        return settings, [SettingError("the settings are no object", 'send {"name": value, ...}')]
    problems = []
    for name, value in given.items():
        try:
            settings = settings if value is None else with_settings(settings, {name: value})
        except SettingError as problem:
            problems.append(problem)
    return settings, problems


def needs_other_engine(before: Settings, after: Settings) -> bool:
    """Whether a setting of the engine differs."""
    names = (entry.name for entry in fields(before) if entry.name not in _LIVE)
    return any(getattr(before, name) != getattr(after, name) for name in names)
