"""A Triton backend called `cpu` that compiles nothing: with TRITON_INTERPRET=1 no kernel is ever compiled.

vLLM's runner for diffusion models asks Triton for an active backend; PyPI's Triton has none without a GPU.
"""
