"""Fine-tuning a DiffusionGemma to fill gaps: LoRA adapters, gaps framed as the engine frames them, one folder out."""
