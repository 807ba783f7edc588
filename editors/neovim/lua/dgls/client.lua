--- The server: how Neovim's own client starts it, what is heard of it, and what happens when it ends.
local config = require('dgls.config')
local status = require('dgls.status')

local M = {}

local FIRST_MS, LONGEST_MS, WELL_AFTER_MS = 500, 60000, 60000

--- Whether this Neovim has what ghost text needs.
M.has_inline_completion = vim.lsp.inline_completion ~= nil

-- How often the server ended in a row, and when it was started last.
local n_ends, began = 0, 0

--- Registers the server with Neovim and starts it for the buffers that are open.
function M.enable()
  if vim.fn.has('nvim-0.11') == 0 then
    vim.notify_once('dgls: Neovim 0.11 or later is needed', vim.log.levels.ERROR)
    return
  end
  if not M.has_inline_completion then
    vim.notify_once(
      'dgls: ghost text needs Neovim 0.12 (vim.lsp.inline_completion); here fills are in the popup of <C-x><C-o>',
      vim.log.levels.WARN
    )
  end
  local program = config.command()[1]
  if vim.fn.executable(program) == 0 then
    vim.notify_once(('dgls: there is no program %q; see :checkhealth dgls'):format(program), vim.log.levels.WARN)
  end
  vim.lsp.config('dgls', M.config())
  vim.lsp.enable('dgls')
end

---@return vim.lsp.Config
function M.config()
  local now = config.now
  return {
    cmd = config.command('serve'),
    filetypes = now.filetypes,
    root_markers = now.root_markers,
    init_options = now.settings,
    capabilities = { experimental = { dgls = { status = true, draft = now.drafts, outcome = true } } },
    handlers = {
      ['dgls/status'] = function(_, told, ctx)
        status.told(ctx.client_id, told)
      end,
      ['dgls/draft'] = function(_, told, ctx)
        require('dgls.drafts').show(told, ctx.client_id)
      end,
      ['dgls/outcome'] = function(_, told)
        status.outcome(vim.uri_to_bufnr(told.textDocument.uri), told)
      end,
    },
    on_init = function(client)
      began = vim.uv.now()
      if M.has_inline_completion then
        require('dgls.ghost').stand_between(client)
      end
    end,
    on_attach = function(client, buf)
      if M.has_inline_completion then
        -- First, so that ghost text that no longer fits is gone before core would draw it once more.
        require('dgls.ghost').attach(client, buf)
        vim.lsp.inline_completion.enable(true, { bufnr = buf })
      end
      require('dgls.edits').attach(client, buf)
      if client:supports_method('textDocument/completion') then
        require('dgls.popup').attach(client, buf)
      end
    end,
    on_exit = vim.schedule_wrap(M.ended),
  }
end

--- Starts the server again when it did not end on purpose, after a pause that doubles each time.
---@param code integer
---@param signal integer
---@param client_id integer
function M.ended(code, signal, client_id)
  local on_purpose = vim.v.exiting ~= vim.NIL or (code == 0 and (signal == 0 or signal == 15))
  status.ended(client_id, not on_purpose)
  if on_purpose then
    return
  end
  n_ends = vim.uv.now() - began > WELL_AFTER_MS and 1 or n_ends + 1
  vim.defer_fn(function()
    if vim.lsp.is_enabled('dgls') then
      vim.lsp.enable('dgls')
    else
      status.ended(client_id, false) -- somebody has turned it off meanwhile
    end
  end, math.min(FIRST_MS * 2 ^ (n_ends - 1), LONGEST_MS))
end

--- Stops the server and starts it for the buffers that are open; how often it ended is forgotten.
function M.restart()
  n_ends = 0
  vim.lsp.enable('dgls', false)
  vim.wait(3000, function()
    return #vim.lsp.get_clients({ name = 'dgls' }) == 0
  end, 20)
  vim.lsp.config('dgls', M.config())
  vim.lsp.enable('dgls')
end

--- The server's client of a buffer.
---@param buf? integer 0 or nil for the current one
---@return vim.lsp.Client?
function M.of(buf)
  return vim.lsp.get_clients({ name = 'dgls', bufnr = buf or 0 })[1]
end

--- Tells the server new settings; they hold for servers that are started later too.
---@param settings table<string, any>
function M.configure(settings)
  config.now.settings = vim.tbl_extend('force', config.now.settings, settings)
  vim.lsp.config('dgls', { init_options = config.now.settings })
  for _, client in ipairs(vim.lsp.get_clients({ name = 'dgls' })) do
    client:notify('workspace/didChangeConfiguration', { settings = { dgls = settings } })
  end
end

return M
