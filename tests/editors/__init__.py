"""Editors: their plugins, driven for real."""
