--- What a user calls; each function is one line of work for the module that does it.
local config = require('dgls.config')

local M = {}

--- Starts the server for the configured file types, and maps the keys.
---@param given? dgls.Config what differs from the defaults in `dgls.config`
function M.setup(given)
  config.set(given or {})
  require('dgls.drafts').highlight()
  require('dgls.diff').highlight()
  require('dgls.client').enable()
  require('dgls.keys').map(M)
  require('dgls.commands').create()
end

--- Takes the ghost text; false if there is none.
---@return boolean
function M.accept()
  return require('dgls.ghost').accept()
end

--- Takes the next word of the ghost text; the rest stays.
---@return boolean
function M.accept_word()
  return require('dgls.ghost').accept([[^\_s*\%(\k\+\|\%(\k\@!\S\)\+\|$\)]])
end

--- Takes the ghost text up to the end of its line; the rest stays.
---@return boolean
function M.accept_line()
  return require('dgls.ghost').accept([[^\n\?[^\n]*]])
end

--- Shows the next alternative; the first time, it asks for alternatives.
---@return boolean
function M.next()
  return require('dgls.ghost').select(1)
end

--- Shows the alternative before.
---@return boolean
function M.previous()
  return require('dgls.ghost').select(-1)
end

--- Takes the ghost text away, and what is being asked for.
---@return boolean
function M.dismiss()
  return require('dgls.ghost').dismiss()
end

--- Asks for a fill now, also where dgls is paused; from normal mode it goes to insert mode.
function M.trigger()
  return require('dgls.ghost').trigger()
end

--- Goes to the nearest suggested edit, or applies it where the cursor is there already.
---@return boolean
function M.next_edit()
  return require('dgls.edits').next()
end

--- Takes the suggested edits away.
---@return boolean
function M.dismiss_edits()
  return require('dgls.edits').dismiss()
end

--- How dgls is, in a few characters for a status line; empty in buffers that it does not serve.
---@return string
function M.statusline()
  return require('dgls.status').line(vim.api.nvim_get_current_buf())
end

return M
