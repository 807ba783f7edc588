--- What is known of the server and of the last request, in a few words; and what is paused.
local config = require('dgls.config')

local M = {}

---@class dgls.Status
---@field state 'idle'|'loading'|'ready'|'failed'
---@field engine string
---@field detail string
---@field percent? integer

---@class dgls.Outcome
---@field silence? string
---@field ms number

---@type table<integer, dgls.Status?> by client
local told = {}
---@type table<integer, dgls.Outcome?> by buffer
local outcomes = {}
---@type table<integer, boolean?> by buffer
local paused = {}
local all_paused, is_restarting = false, false

local function redraw()
  vim.api.nvim_exec_autocmds('User', { pattern = 'DglsStatus', modeline = false })
  vim.cmd.redrawstatus({ bang = true })
end

--- The server told how its engine is.
---@param client_id integer
---@param status dgls.Status
function M.told(client_id, status)
  told[client_id], is_restarting = status, false
  redraw()
end

--- The server told what became of a request.
---@param buf integer
---@param outcome dgls.Outcome
function M.outcome(buf, outcome)
  outcomes[buf] = outcome
  redraw()
end

--- The server ended.
---@param client_id integer
---@param restarting boolean
function M.ended(client_id, restarting)
  told[client_id], is_restarting = nil, restarting
  if vim.v.exiting == vim.NIL then
    redraw()
  end
end

--- Pauses automatic requests, in one buffer or in all.
---@param buf? integer
function M.pause(buf)
  if buf then
    paused[buf] = true
  else
    all_paused = true
  end
  redraw()
end

--- Ends every pause that holds in a buffer.
---@param buf integer
function M.resume(buf)
  all_paused, paused[buf] = false, nil
  redraw()
end

---@param buf integer
---@return boolean
function M.is_paused(buf)
  return all_paused or paused[buf] == true
end

--- What the server said last.
---@param client? vim.lsp.Client
---@return dgls.Status?
function M.of(client)
  return client and told[client.id]
end

--- For a status line.
---@param buf integer
---@return string
function M.line(buf)
  local client = vim.lsp.get_clients({ name = 'dgls', bufnr = buf })[1]
  local status = M.of(client)
  if not client then
    local is_waiting = is_restarting and vim.list_contains(config.now.filetypes, vim.bo[buf].filetype)
    return is_waiting and 'dgls restarting' or ''
  elseif M.is_paused(buf) then
    return 'dgls paused'
  elseif not status or status.state == 'loading' then
    return status and status.percent and ('dgls loading %d'):format(status.percent) or 'dgls loading'
  elseif status.state == 'failed' then
    return 'dgls failed'
  end
  local silence = outcomes[buf] and outcomes[buf].silence
  return silence and ('dgls (%s)'):format(silence) or 'dgls'
end

--- For people who ask: several lines.
---@param buf integer
---@return string[]
function M.report(buf)
  local client = vim.lsp.get_clients({ name = 'dgls', bufnr = buf })[1]
  if not client then
    return { is_restarting and 'the server ended and is started again' or 'dgls does not serve this buffer' }
  end
  local status, outcome, lines = M.of(client), outcomes[buf], {}
  if status then
    lines[#lines + 1] = ('%s is %s: %s'):format(status.engine, status.state, status.detail)
  else
    lines[#lines + 1] = 'the server has not said anything yet'
  end
  if M.is_paused(buf) then
    lines[#lines + 1] = 'paused: :Dgls resume'
  end
  if outcome then
    local what = outcome.silence and 'nothing to show: ' .. outcome.silence or 'a fill'
    lines[#lines + 1] = ('last request: %s, %.0f ms'):format(what, outcome.ms)
  end
  return lines
end

return M
