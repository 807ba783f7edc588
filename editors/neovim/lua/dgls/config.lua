--- What a user may set, with its defaults.
local M = {}

---@class dgls.Config
---@field command? string[] the program and what comes before `serve`
---@field filetypes? string[]
---@field root_markers? (string|string[])[]
---@field settings? table<string, any> the server's settings, see |dgls-settings|
---@field keymaps? table<string, string|false>|false function of `require('dgls')` -> key in insert mode
---@field drafts? boolean whether what has settled of a fill is shown while the rest still changes
---@field edits? boolean whether edits are suggested by themselves, after changes

---@type dgls.Config
local defaults = {
  command = { 'dgls' },
  filetypes = { 'python' },
  root_markers = { 'pyproject.toml', 'setup.py', '.git' },
  -- Neovim itself waits 200 ms after the last key.
  settings = { pause_ms = 0 },
  keymaps = {
    accept = '<Tab>',
    accept_word = '<M-Right>',
    accept_line = '<M-C-Right>',
    next = '<M-]>',
    previous = '<M-[>',
    dismiss = '<C-]>',
    trigger = '<M-\\>',
  },
  drafts = true,
  edits = true,
}

--- The configuration as it is now.
---@type dgls.Config
M.now = vim.deepcopy(defaults)

--- What `setup` was given; nil before.
---@type dgls.Config?
M.given = nil

---@param value any
---@return boolean
local function is_command(value)
  return vim.islist(value) and #value > 0 and vim.iter(value):all(function(part)
    return type(part) == 'string'
  end)
end

--- Takes over what differs from the defaults; fails with the name of what is wrong.
---@param given dgls.Config
function M.set(given)
  vim.validate('opts', given, 'table')
  for name in pairs(given) do
    if defaults[name] == nil then
      error(('dgls: there is no option %q; known are %s'):format(name, table.concat(vim.tbl_keys(defaults), ', ')), 0)
    end
  end
  vim.validate('command', given.command, is_command, true, 'a list of strings, the program first')
  vim.validate('filetypes', given.filetypes, 'table', true)
  vim.validate('root_markers', given.root_markers, 'table', true)
  vim.validate('settings', given.settings, 'table', true)
  vim.validate('keymaps', given.keymaps, function(keymaps)
    return keymaps == false or type(keymaps) == 'table'
  end, true, 'a table, or false')
  vim.validate('drafts', given.drafts, 'boolean', true)
  vim.validate('edits', given.edits, 'boolean', true)
  for name, lhs in pairs(given.keymaps or {}) do
    if defaults.keymaps[name] == nil then
      error(('dgls: no key can be mapped to %q'):format(name), 0)
    end
    vim.validate('keymaps.' .. name, lhs, function()
      return lhs == false or type(lhs) == 'string'
    end, 'a key, or false')
  end
  M.now = vim.tbl_extend('force', vim.deepcopy(defaults), given)
  M.now.settings = vim.tbl_extend('force', { log_file = M.log_file() }, defaults.settings, given.settings or {})
  if type(given.keymaps) == 'table' then
    M.now.keymaps = vim.tbl_extend('force', defaults.keymaps, given.keymaps)
  end
  M.given = given
end

--- Whether the user set an entry of an option.
---@param option string
---@param name string
---@return boolean
function M.is_given(option, name)
  local entries = M.given and M.given[option]
  return type(entries) == 'table' and entries[name] ~= nil
end

--- Where the server logs unless the settings say otherwise.
---@return string
function M.log_file()
  return vim.fs.joinpath(vim.fn.stdpath('log') --[[@as string]], 'dgls.log')
end

--- A command line of dgls: the one that was given; else the program on the PATH, or in this plugin's own repository.
---@param ... string
---@return string[]
function M.command(...)
  local command = vim.deepcopy(M.now.command)
  if #command == 1 and command[1] == 'dgls' and vim.fn.executable('dgls') == 0 then
    local here = debug.getinfo(1, 'S').source:sub(2)
    local ours = vim.fs.joinpath(vim.fs.dirname(here), '../../../../.venv/bin/dgls')
    command[1] = vim.fn.executable(ours) == 1 and vim.uv.fs_realpath(vim.fs.dirname(ours)) .. '/dgls' or command[1]
  end
  return vim.list_extend(command, { ... })
end

--- The settings as `--set` options of a command line.
---@return string[]
function M.options()
  local options = {}
  for name, value in vim.spairs(M.now.settings) do
    local text = type(value) == 'string' and value or vim.json.encode(value)
    vim.list_extend(options, { '--set', ('%s=%s'):format(name, text) })
  end
  return options
end

return M
