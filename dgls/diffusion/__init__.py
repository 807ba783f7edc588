"""Tensors only: no text, no tokenizer, no model loading."""
