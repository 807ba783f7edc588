--- Ghost text is asked for and drawn by Neovim's own vim.lsp.inline_completion. This module stands between it and the
--- server, where Neovim 0.12 leaves gaps: it cancels requests that the user has typed past, drops answers that come too
--- late, keeps the rest of a fill that is typed into or taken in part, and asks on purpose.
local drafts = require('dgls.drafts')
local fill_at = require('dgls.fill')
local held = require('dgls.held')
local status = require('dgls.status')

local api = vim.api
local METHOD = 'textDocument/inlineCompletion'
local INVOKED, AUTOMATIC = 1, 2

local M = {}

--- What is known of one buffer.
---@class dgls.Ghost
---@field client vim.lsp.Client
---@field fills dgls.Fill[] what was answered last, as far as it still fits
---@field index integer the one that is shown
---@field give? fun(items: lsp.InlineCompletionItem[]) puts items into core's hands, which shows the first
---@field ask? fun(kind: integer, select?: integer) asks the server, and shows the alternative with this number
---@field request? integer the newest request, until it is answered
---@field asked? string the state of the buffer that it was about
---@field on_purpose? boolean whether core's next request is one that the user wants

---@type table<integer, dgls.Ghost?>
local ghosts = {}

--- What tells one state of a buffer and its cursor from another.
---@param buf integer
---@return string
local function state_of(buf)
  return table.concat({ vim.b[buf].changedtick, unpack(api.nvim_win_get_cursor(0)) }, ':')
end

---@return dgls.Ghost?
local function current()
  return ghosts[api.nvim_get_current_buf()]
end

--- Whether some of a fill is left to show: then nothing is asked, as the server knows alternatives but not which is shown.
---@param ghost dgls.Ghost
---@return boolean
local function is_shown(ghost)
  local shown = ghost.fills[ghost.index]
  return shown ~= nil and fill_at.rest(shown) ~= nil
end

---@param ghost dgls.Ghost
local function cancel(ghost)
  if ghost.request then
    ghost.client:cancel_request(ghost.request)
    ghost.request = nil
  end
end

--- Lets core show what still fits at the cursor, and nothing else.
---@param buf integer
---@param ghost dgls.Ghost
local function show(buf, ghost)
  if not ghost.give or not vim.lsp.inline_completion.is_enabled({ bufnr = buf }) then
    return
  end
  local position = vim.lsp.util.make_position_params(0, ghost.client.offset_encoding).position
  local shown, fills, items = ghost.fills[ghost.index], {}, {}
  ghost.index = 1
  for _, fill in ipairs(ghost.fills) do
    fill.shown = fill_at.rest(fill)
    if fill.shown then
      fills[#fills + 1] = fill
      items[#items + 1] = { insertText = fill.shown, range = { start = position, ['end'] = position } }
      ghost.index = fill == shown and #fills or ghost.index
    end
  end
  ghost.fills = fills
  ghost.give(items)
  if ghost.index > 1 then
    vim.lsp.inline_completion.select({ bufnr = buf, count = ghost.index - 1 })
  end
end

--- Forgets what is shown and what is being asked for.
---@param buf integer
---@param ghost dgls.Ghost
local function forget(buf, ghost)
  cancel(ghost)
  drafts.clear(buf)
  ghost.fills, ghost.asked, ghost.on_purpose = {}, nil, nil
end

--- The user typed or moved: a request about another state is cancelled, a fill that no longer fits disappears.
---@param buf integer
---@param ghost dgls.Ghost
local function moved(buf, ghost)
  if ghost.asked and ghost.asked ~= state_of(buf) then
    ghost.asked = nil
    cancel(ghost)
    drafts.clear(buf)
  end
  if #ghost.fills > 0 then
    show(buf, ghost)
  end
end

--- The user went to another window or buffer, maybe without leaving insert mode, which is all that core looks at.
---@param buf integer
---@param ghost dgls.Ghost
local function left(buf, ghost)
  forget(buf, ghost)
  show(buf, ghost)
end

--- How requests about a buffer are sent: `handler` is core's, `request` the client's own.
---@param ghost dgls.Ghost
---@param request function
---@param handler lsp.Handler
---@return fun(kind: integer, select?: integer): boolean, integer?
local function asker(ghost, request, handler)
  return function(kind, select)
    local place, client = fill_at.here(), ghost.client
    local buf = place.buf
    cancel(ghost)
    ghost.asked = state_of(buf)
    local params = vim.lsp.util.make_position_params(0, client.offset_encoding) --[[@as lsp.InlineCompletionParams]]
    params.context = { triggerKind = kind }
    local id ---@type integer?
    local function answered(err, result, context)
      if id == nil or ghost.request ~= id or ghosts[buf] ~= ghost then
        return -- the user typed on, or a newer request overtook it
      end
      ghost.request = nil
      drafts.clear(buf)
      if err then
        handler(err, nil, context)
      end
      ghost.fills = fill_at.of(result and (result.items or result) or {}, place, client.offset_encoding)
      ghost.index = math.min(select or 1, math.max(#ghost.fills, 1))
      show(buf, ghost)
    end
    local sent
    sent, id = request(client, METHOD, params, answered, buf)
    ghost.request = id
    return sent, id
  end
end

--- Puts this module between core and the server: core's requests pass through here, and their answers.
---@param client vim.lsp.Client
function M.stand_between(client)
  local request = client.request
  client.request = function(self, method, params, handler, buf)
    local ghost = method == METHOD and handler and ghosts[buf]
    if not ghost then
      return request(self, method, params, handler, buf)
    end
    ghost.give = function(items)
      handler(nil, { items = items }, { client_id = client.id, bufnr = buf, method = METHOD, params = params })
    end
    ghost.ask = asker(ghost, request, handler)
    local on_purpose = ghost.on_purpose
    ghost.on_purpose = nil
    if buf ~= api.nvim_get_current_buf() then
      return false -- the user went to another one while core waited
    end
    if not on_purpose and (status.is_paused(buf) or ghost.asked == state_of(buf) or is_shown(ghost)) then
      return false
    end
    return ghost.ask(on_purpose and INVOKED or AUTOMATIC)
  end
end

--- Takes over a buffer, until the client lets go of it.
---@param client vim.lsp.Client
---@param buf integer
function M.attach(client, buf)
  local ghost = { client = client, fills = {}, index = 1 }
  local on = held.follow('ghost', ghosts, buf, ghost, drafts.clear)
  on({ 'CursorMovedI', 'TextChangedI', 'TextChangedP' }, moved)
  on({ 'InsertLeave' }, forget)
  on({ 'BufLeave', 'WinLeave' }, left)
end

--- Takes the ghost text, or what a pattern matches at its beginning; false if there is none that fits.
---@param pattern? string
---@return boolean
function M.accept(pattern)
  local ghost = current()
  if not ghost or #ghost.fills == 0 then
    return pattern == nil and vim.lsp.inline_completion ~= nil and vim.lsp.inline_completion.get() -- another server's
  end
  if not fill_at.rest(ghost.fills[ghost.index]) then
    return false
  end
  return vim.lsp.inline_completion.get({
    on_accept = function(item)
      if item.client_id ~= ghost.client.id then
        return item
      end
      -- More may have been typed since core has drawn it, and the user may have chosen another one through core.
      local shown = vim.iter(ghost.fills):find(function(fill)
        return fill.shown == item.insert_text
      end)
      local left = shown and fill_at.rest(shown)
      if left then
        fill_at.write(pattern and vim.fn.matchstr(left, '^\\%(' .. pattern .. '\\)') or left)
        show(api.nvim_get_current_buf(), ghost)
      end
    end,
  })
end

--- Shows another alternative; asks for alternatives where there is only one.
---@param step integer
---@return boolean
function M.select(step)
  local ghost = current()
  if not ghost or not ghost.ask or #ghost.fills == 0 then
    return false
  end
  if #ghost.fills == 1 then
    ghost.ask(INVOKED, step > 0 and 2 or math.huge)
  else
    ghost.index = (ghost.index - 1 + step) % #ghost.fills + 1
    vim.lsp.inline_completion.select({ count = step })
  end
  return true
end

--- Takes the ghost text away, and what is being asked for; false if there is neither.
---@return boolean
function M.dismiss()
  local ghost, buf = current(), api.nvim_get_current_buf()
  if not ghost or (#ghost.fills == 0 and not ghost.request) then
    return false
  end
  vim.schedule(function()
    local asked = ghost.asked or state_of(buf)
    forget(buf, ghost)
    ghost.asked = asked -- so that core does not ask for it once more
    show(buf, ghost)
  end)
  return true
end

--- Asks for a fill at the cursor. From normal mode it goes to insert mode, behind the last character of a line.
function M.trigger()
  local ghost = current()
  if not ghost then
    local why = vim.lsp.inline_completion and 'dgls does not serve this buffer: see :checkhealth dgls'
      or 'dgls: ghost text needs Neovim 0.12; use <C-x><C-o>'
    vim.notify(why, vim.log.levels.WARN)
  elseif not api.nvim_get_mode().mode:match('^i') then
    ghost.on_purpose = true
    vim.cmd(fill_at.is_on_last() and 'startinsert!' or 'startinsert') -- core asks when insert mode begins
  elseif ghost.ask then
    ghost.ask(INVOKED)
  else
    ghost.on_purpose = true -- core has not asked yet: it does when the cursor moves
    api.nvim_exec_autocmds('CursorMovedI', { buffer = api.nvim_get_current_buf(), modeline = false })
  end
end

--- Whether something is asked for in a buffer.
---@param buf integer
---@return boolean
function M.is_asking(buf)
  return ghosts[buf] ~= nil and ghosts[buf].request ~= nil
end

return M
