"""The only place for pygls and lsprotocol."""
