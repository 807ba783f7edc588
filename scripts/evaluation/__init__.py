"""How good fills are: gaps whose text is known, filled through the same flow that editors use."""
