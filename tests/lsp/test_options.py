"""What an editor's first message says of its folder."""

from typing import Any

import pytest
from lsprotocol import types as lsp

from dgls.lsp.options import workspace_of

CAPABILITIES = lsp.ClientCapabilities()


def hash_for(**given: Any) -> str:
    """The hash for these parts of `initialize`."""
    return workspace_of(lsp.InitializeParams(capabilities=CAPABILITIES, **given))


def test_a_folder_has_one_hash_and_its_name_is_not_in_it() -> None:
    folder = lsp.WorkspaceFolder(uri="file:///home/me/secret", name="secret")
    found = hash_for(workspace_folders=[folder], root_uri="file:///elsewhere")
    assert found == hash_for(root_uri="file:///home/me/secret")
    assert len(found) == 16
    assert int(found, 16)


@pytest.mark.parametrize("given", [{}, {"workspace_folders": []}, {"root_uri": None}])
def test_without_a_folder_there_is_none(given: dict[str, Any]) -> None:
    assert hash_for(**given) == ""
