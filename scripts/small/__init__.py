"""Training of the bundled small DiffusionGemma: corpus, tokenizer, network, optimiser, evaluation, export."""
