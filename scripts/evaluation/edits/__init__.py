"""Edits that follow a change: cases from code whose right state is known, and how well they are found."""
