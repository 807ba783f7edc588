"""Code completion by diffusion: a language server that fills the gap at the cursor (see dgls/README.md)."""

__version__ = "0.1.0"
