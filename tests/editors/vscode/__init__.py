"""The extension for VS Code."""
