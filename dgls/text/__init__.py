"""Strings only: no LSP, tensors, asyncio, clock or files."""
