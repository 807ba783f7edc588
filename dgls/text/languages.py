"""What the text rules know about a language: its shape, its comments and the words that continue a statement."""

import re
from dataclasses import dataclass
from typing import Literal

Shape = Literal["offside", "braces", "words", "data", "markup", "prose", "plain"]


@dataclass(frozen=True)
class Language:
    """The traits of one language; `shape` says what makes a block: indentation, braces, words such as `end`, ..."""

    name: str
    shape: Shape = "plain"
    comments: tuple[str, ...] = ()
    quotes: tuple[str, ...] = ('"', "'")
    block_comment: tuple[str, str] | None = None
    tags: bool = False

    @property
    def has_scope(self) -> bool:
        """Whether a line that is indented less than the cursor leaves the cursor's block."""
        return self.shape in ("offside", "braces", "words", "data") and self.name not in ("toml", "sql")


_C_COMMENT = ("/*", "*/")


def _braces(name: str, quotes: tuple[str, ...] = ('"', "'"), *, tags: bool = False) -> Language:
    """A language with braces and C's comments."""
    return Language(name, "braces", ("//",), quotes, _C_COMMENT, tags)


_TICKS = ('"', "'", "`")
_TRIPLE = ('"""', '"', "'")
_LANGUAGES = (
    Language("python", "offside", ("#",), ('"""', "'''", '"', "'")),
    _braces("javascript", _TICKS, tags=True),
    _braces("typescript", _TICKS),
    _braces("tsx", _TICKS, tags=True),
    _braces("go", _TICKS),
    _braces("rust"),
    _braces("c"),
    _braces("cpp"),
    _braces("java", _TRIPLE),
    _braces("csharp"),
    _braces("kotlin", _TRIPLE),
    _braces("swift", ('"""', '"')),
    _braces("scala", _TRIPLE),
    Language("php", "braces", ("//", "#"), ('"', "'"), _C_COMMENT),
    Language("css", "braces", (), ('"', "'"), _C_COMMENT),
    Language("ruby", "words", ("#",)),
    Language("lua", "words", ("--",)),
    Language("bash", "words", ("#",)),
    Language("sql", "words", ("--",), ("'", '"'), _C_COMMENT),
    Language("json", "data", ("//",), ('"',)),
    Language("yaml", "data", ("#",)),
    Language("toml", "data", ("#",), ('"""', "'''", '"', "'")),
    Language("html", "markup", (), ('"',), ("<!--", "-->"), tags=True),
    Language("markdown", "prose", (), ()),
    # Without a grammar of their own.
    _braces("scss"),
    _braces("less"),
    Language("xml", "markup", (), ('"',), ("<!--", "-->"), tags=True),
)
_BY_NAME = {language.name: language for language in _LANGUAGES}
# LSP languageIds that mean one of the languages above.
_ALIASES = {
    "javascriptreact": "javascript",
    "typescriptreact": "tsx",
    "shellscript": "bash",
    "sh": "bash",
    "zsh": "bash",
    "objective-c": "c",
    "objective-cpp": "cpp",
    "c++": "cpp",
    "cuda-cpp": "cpp",
    "c#": "csharp",
    "c_sharp": "csharp",
    "jsonc": "json",
    "jsonl": "json",
    "dockercompose": "yaml",
    "github-actions-workflow": "yaml",
    "xhtml": "html",
    "vue": "html",
    "svelte": "html",
    "markdown_inline": "markdown",
}
_BY_SUFFIX = {
    **dict.fromkeys(("py", "pyi", "pyw"), "python"),
    **dict.fromkeys(("js", "jsx", "mjs", "cjs"), "javascript"),
    **dict.fromkeys(("ts", "mts", "cts"), "typescript"),
    **dict.fromkeys(("c", "h"), "c"),
    **dict.fromkeys(("cc", "cpp", "cxx", "hh", "hpp", "hxx", "ipp"), "cpp"),
    **dict.fromkeys(("kt", "kts"), "kotlin"),
    **dict.fromkeys(("scala", "sc"), "scala"),
    **dict.fromkeys(("rb", "rake", "gemspec"), "ruby"),
    **dict.fromkeys(("sh", "bash", "zsh", "bats"), "bash"),
    **dict.fromkeys(("htm", "html", "xhtml"), "html"),
    **dict.fromkeys(("yml", "yaml"), "yaml"),
    **dict.fromkeys(("md", "markdown"), "markdown"),
    **dict.fromkeys(("json", "jsonc", "jsonl"), "json"),
    **{
        suffix: suffix
        for suffix in ("tsx", "go", "java", "php", "css", "scss", "less", "xml", "toml", "lua", "swift", "sql")
    },
    "rs": "rust",
    "cs": "csharp",
}
_BY_FILE = {
    "Gemfile": "ruby",
    "Rakefile": "ruby",
    "Cargo.lock": "toml",
    "Pipfile": "toml",
    "poetry.lock": "toml",
    ".bashrc": "bash",
    ".profile": "bash",
    ".zshrc": "bash",
}

# What ends a block: words alone, and those or a closer at the beginning of a line. What a header ends with.
END_WORDS = r"end|fi|done|esac|until"
BLOCK_END = re.compile(rf"\s*(?:[)\]}}]|(?:{END_WORDS})\b)")
HEADER_END = re.compile(r"[:{(\[]\s*$|\b(?:then|do|else)\s*$")
# Keyword or closer that goes on with the statement above.
CONTINUES = re.compile(
    r"[\s})\]]*(?:else|elif|elsif|elseif|except|finally|catch|rescue|ensure|then|do)\b"
    r"|\s*\}\s*while\b"
)


def language_of(identifier: str, name: str = "") -> Language:
    """The language of an LSP languageId, else of a file name; one without traits when neither is known."""
    wanted = identifier.lower()
    wanted = _ALIASES.get(wanted, wanted)
    if wanted not in _BY_NAME:
        wanted = _BY_FILE.get(name) or _BY_SUFFIX.get(name.rpartition(".")[2].lower(), wanted)
    return _BY_NAME.get(wanted) or Language(identifier, "plain", ("//", "#"), ('"', "'"), _C_COMMENT)
