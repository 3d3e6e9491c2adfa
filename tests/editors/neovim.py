"""A real Neovim that a test drives over its own RPC."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pynvim  # pyright: ignore[reportMissingTypeStubs]

from tests.editors.needs import REPOSITORY, program

INIT = """\
vim.g.loaded_python3_provider = 0
vim.o.swapfile = false
vim.o.hidden = true
vim.o.statusline = "%f %m%=%{v:lua.require'phasr'.statusline()}  %l:%c"
vim.opt.runtimepath:append('{client}')
vim.lsp.enable('phasr')

vim.api.nvim_create_autocmd('LspAttach', {
  callback = function()
    vim.notify('the server is attached')
  end,
})

_G.states, _G.progress = {}, {}
vim.api.nvim_create_autocmd('User', {
  pattern = 'PhasrTaskChanged',
  callback = function(event)
    table.insert(states, event.data.state)
  end,
})
vim.api.nvim_create_autocmd('LspProgress', {
  callback = function(event)
    table.insert(progress, event.data.params)
  end,
})
"""
"""A user's init.lua, and a record of what happens."""

CLIENT = REPOSITORY / "clients" / "neovim"


class Neovim:
    """One session, with a file open and the server attached to it."""

    def __init__(self, nvim: Any) -> None:
        self.nvim = nvim

    @property
    def text(self) -> str:
        """The current buffer."""
        return "\n".join(self.nvim.current.buffer[:]) + "\n"

    @property
    def states(self) -> list[str]:
        """The states that tasks went through, as `phasr/taskChanged` told them."""
        return self.lua("return states")

    def lua(self, code: str, *arguments: Any) -> Any:
        return self.nvim.exec_lua(code, *arguments)

    def until(self, condition: str, seconds: float = 30) -> None:
        """Wait until a Lua expression holds, while Neovim does its work."""
        held = self.lua(f"return vim.wait(..., function() return {condition} end, 20)", int(seconds * 1000))
        assert held, f"not within {seconds} s: {condition}; states {self.states}; {self.messages()}"

    def until_state(self, state: str) -> None:
        self.until(f"states[#states] == '{state}'")

    def until_message(self, text: str) -> None:
        self.until(f"vim.fn.execute('messages'):find('{text}', 1, true) ~= nil")

    def command(self, line: str) -> None:
        self.nvim.command(line)

    def messages(self) -> str:
        return self.nvim.command_output("messages")

    def open(self, path: Path) -> None:
        self.command(f"edit {path}")
        self.until("(vim.lsp.get_clients({ name = 'phasr', bufnr = 0 })[1] or {}).initialized")

    def go_to(self, line: int, column: int = 1) -> None:
        """Put the cursor there, both counted from 1."""
        self.nvim.current.window.cursor = (line, column - 1)

    def choose(self, title: str) -> None:
        """From now on answer a menu with this entry."""
        self.lua(
            """
            local title = ...
            vim.ui.select = function(items, options, on_choice)
              menu = vim.tbl_map(options.format_item, items)
              on_choice(items[vim.fn.index(menu, title) + 1])
            end
            """,
            title,
        )

    def code_action(self, title: str) -> None:
        """Choose from the code actions at the cursor."""
        self.choose(title)
        self.lua("vim.lsp.buf.code_action()")
        self.until("menu ~= nil")
        assert title in self.lua("return menu")


def command_line(home: Path) -> list[str]:
    """Neovim with the client, as its user would have it."""
    init = home / "init.lua"
    init.write_text(INIT.replace("{client}", str(CLIENT)), encoding="utf-8")
    return [program("nvim"), "-u", str(init)]


@contextmanager
def neovim(home: Path, environment: Mapping[str, str]) -> Generator[Neovim]:
    clean = ["env", "-i", *(f"{name}={value}" for name, value in environment.items())]
    command = [*clean, *command_line(home), "--embed", "--headless"]
    nvim = pynvim.attach("child", argv=command)
    try:
        yield Neovim(nvim)
    finally:
        with suppress(EOFError, OSError):  # it goes without an answer
            nvim.command("qall!")
        nvim.close()
