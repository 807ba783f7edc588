--- :checkhealth dgls
local client = require('dgls.client')
local config = require('dgls.config')
local keys = require('dgls.keys')
local status = require('dgls.status')

local health = vim.health
local M = {}

function M.check()
  M._editor()
  M._server()
  M._buffers()
end

function M._editor()
  health.start('dgls: Neovim')
  local version = tostring(vim.version())
  if client.has_inline_completion then
    health.ok(('Neovim %s has inline completion'):format(version))
  else
    health.warn(('Neovim %s has no inline completion'):format(version), {
      'ghost text needs Neovim 0.12 or later',
      'fills are in the completion popup: <C-x><C-o>',
    })
  end
  if not config.given then
    health.error('not set up', "call require('dgls').setup() in init.lua")
    return
  end
  for name, lhs in vim.spairs(keys.left_alone) do
    health.warn(('%s is mapped already, %s has no key'):format(lhs, name), {
      ("call require('dgls').%s() from that mapping"):format(name),
      ("or setup({ keymaps = { %s = '<another key>' } })"):format(name),
    })
  end
  if next(keys.left_alone) == nil then
    health.ok(config.now.keymaps and 'every key is mapped' or 'no keys are mapped, as the setup says')
  end
end

--- What `dgls doctor` says with the settings of this editor.
function M._server()
  health.start('dgls: server')
  local command = config.command('doctor', '--json')
  if vim.fn.executable(command[1]) == 0 then
    health.error(('there is no program %q'):format(command[1]), {
      'install dgls: scripts/demo in its repository makes .venv/bin/dgls',
      "then put it on the PATH, or setup({ command = { '/path/to/dgls' } })",
    })
    return
  end
  local done = vim.system(vim.list_extend(command, config.options()), { timeout = 60000 }):wait()
  local ok, checks = pcall(vim.json.decode, done.stdout)
  if not ok or type(checks) ~= 'table' then
    health.error(('%s failed'):format(table.concat(command, ' ')), vim.split(vim.trim(done.stderr or ''), '\n'))
    return
  end
  local tell = { ok = health.ok, warning = health.warn, problem = health.error }
  for _, check in ipairs(checks) do
    tell[check.status](('%s: %s'):format(check.name, check.detail), check.next_step ~= '' and check.next_step or nil)
  end
end

function M._buffers()
  health.start('dgls: buffers')
  local clients = vim.lsp.get_clients({ name = 'dgls' })
  if #clients == 0 then
    local types = table.concat(config.now.filetypes, ', ')
    health.warn('the server does not run', 'open a file of one of these types: ' .. types)
  end
  for _, served in ipairs(clients) do
    local said = status.of(served)
    local n_buffers = vim.tbl_count(served.attached_buffers)
    health.ok(('the server runs for %d buffers, positions in %s'):format(n_buffers, served.offset_encoding))
    if said and said.state == 'failed' then
      health.error(('%s failed: %s'):format(said.engine, said.detail), ':Dgls log')
    elseif said then
      health.info(('%s is %s: %s'):format(said.engine, said.state, said.detail))
    end
  end
  for _, other in ipairs(vim.lsp.get_clients({ method = 'textDocument/inlineCompletion' })) do
    if other.name ~= 'dgls' then
      health.warn(('%s shows ghost text too'):format(other.name), 'Neovim draws that of one server at a time')
    end
  end
end

return M
