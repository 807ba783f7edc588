"""Five everyday gaps for the model card, filled as `dgls fill` does; good or bad, nothing is retouched."""

import asyncio
from pathlib import Path

from dgls.engines import load
from dgls.infill import answer
from dgls.settings import Settings, with_settings
from dgls.text.document import Document
from dgls.text.gap import gap_at

CURSOR = "‸"
FOLDER = Path(__file__).parent / "examples"


def filled(model: Path) -> str:
    """Each example as it looks after `dgls fill`, the fill between ⟦ and ⟧."""
    return asyncio.run(_filled(model))


async def _filled(model: Path) -> str:
    """All examples, with the model loaded once."""
    settings = with_settings(Settings(), {"model": str(model), "device": "cpu"})
    engine = load(settings)
    async for _ in engine.start():
        pass
    parts = []
    for path in sorted(FOLDER.glob("*.txt")):
        before, after = path.read_text(encoding="utf-8").split(CURSOR)
        found = await answer(gap_at(Document(before + after, name=f"{path.stem}.py"), len(before)), engine, settings)
        text = found.fills[0].text if found.fills else ""
        parts.append(f"{path.stem}.py\n\n{_indented(f'{before}⟦{text}⟧{after}')}")
    await engine.close()
    return "\n".join(parts)


def _indented(text: str) -> str:
    return "".join(f"    {line}".rstrip() + "\n" for line in text.splitlines())
