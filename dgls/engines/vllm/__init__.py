"""The client of a vLLM server that denoises canvases: what is asked, who is asked, and what the answers become."""
