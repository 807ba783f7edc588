"""One vLLM server for every window of this machine: found, started, watched, stopped.

This room knows processes, locks and files. It knows no prompts, no texts and no editors; what it hands out is an
`Endpoint`. Read `own.py` first.
"""
