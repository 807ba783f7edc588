--- Suggested edits: what should change elsewhere after a change, asked for when the user pauses in normal mode or leaves
--- insert mode; and rewrites and filled gaps, asked for on purpose. They are drawn, and applied or dismissed by the user.
local config = require('dgls.config')
local diff = require('dgls.diff')
local held = require('dgls.held')
local status = require('dgls.status')

local api = vim.api
local places = api.nvim_create_namespace('dgls.edits')
local NEXT_EDITS = 'textDocument/copilotInlineEdit'
local PAUSE_MS = 100

local M = {}

--- What is suggested for one buffer.
---@class dgls.Suggested
---@field client vim.lsp.Client
---@field edits dgls.Edit[] those that are drawn
---@field version? integer of the document that they are for
---@field on_demand? boolean whether the user asked for them
---@field request? integer the newest request, until it is answered
---@field n_asked integer how often it was to be asked; a newer wish ends the pause of an older one

---@type table<integer, dgls.Suggested?>
local by_buffer = {}

---@param text string
---@param level? integer
local function say(text, level)
  vim.notify('dgls: ' .. text, level or vim.log.levels.INFO)
end

--- The version of a document as the server knows it.
---@param buf integer
---@return integer
local function version_of(buf)
  return vim.lsp.util.buf_versions[buf]
end

---@param suggested dgls.Suggested
local function cancel(suggested)
  if suggested.request then
    suggested.client:cancel_request(suggested.request)
    suggested.request = nil
  end
end

--- Takes everything away that is drawn.
---@param buf integer
---@param suggested dgls.Suggested
local function forget(buf, suggested)
  suggested.edits, suggested.version = {}, nil
  diff.clear(buf)
end

--- The edits, those nearest to the cursor first, each with the lines that it changes.
---@param buf integer
---@param suggested dgls.Suggested
---@return { edit: dgls.Edit, lines: dgls.Lines, distance: integer }[]
local function nearest(buf, suggested)
  local row = api.nvim_win_get_cursor(0)[1] - 1
  local found = vim.tbl_map(function(edit)
    local lines = diff.lines(buf, edit, suggested.client.offset_encoding)
    local last = lines.row + math.max(#lines.old, 1) - 1
    return { edit = edit, lines = lines, distance = math.max(lines.row - row, row - last, 0) }
  end, suggested.edits)
  table.sort(found, function(one, other)
    return one.distance < other.distance or (one.distance == other.distance and one.lines.row < other.lines.row)
  end)
  return found
end

--- Draws edits, if the document still is what they are for.
---@param buf integer
---@param suggested dgls.Suggested
---@param edits dgls.Edit[]
local function show(buf, suggested, edits)
  forget(buf, suggested)
  suggested.version = version_of(buf)
  suggested.edits = vim.tbl_filter(function(edit)
    return edit.textDocument.version == suggested.version and vim.uri_to_bufnr(edit.textDocument.uri) == buf
  end, edits)
  local found = nearest(buf, suggested)
  for _, one in ipairs(found) do
    diff.draw(buf, one.lines)
  end
  if found[1] and buf == api.nvim_get_current_buf() then
    diff.point(buf, found[1].lines)
  end
end

--- Sends a request about the buffer as it is; of an answer that was overtaken nothing is heard.
---@param buf integer
---@param suggested dgls.Suggested
---@param method string
---@param params table
---@param answered fun(err?: lsp.ResponseError, result?: { edits: dgls.Edit[], silence?: string })
local function send(buf, suggested, method, params, answered)
  cancel(suggested)
  params.textDocument = { uri = vim.uri_from_bufnr(buf), version = version_of(buf) }
  local id ---@type integer?
  local _
  _, id = suggested.client:request(method, params, function(err, result)
    if id ~= nil and suggested.request == id and by_buffer[buf] == suggested then
      suggested.request = nil
      answered(err, result)
    end
  end, buf)
  suggested.request = id
end

--- Whether next edits may be asked for and drawn now.
---@param buf integer
---@param suggested dgls.Suggested
---@return boolean
local function is_free(buf, suggested)
  local is_here = buf == api.nvim_get_current_buf() and api.nvim_get_mode().mode == 'n'
  local is_busy = suggested.on_demand and (suggested.request ~= nil or #suggested.edits > 0)
  return by_buffer[buf] == suggested and is_here and not is_busy and not status.is_paused(buf)
end

--- Asks for next edits after a pause, unless something is asked for meanwhile.
---@param buf integer
---@param suggested dgls.Suggested
local function ask_soon(buf, suggested)
  suggested.n_asked = suggested.n_asked + 1
  local n_asked = suggested.n_asked
  vim.defer_fn(function()
    if suggested.n_asked ~= n_asked or not is_free(buf, suggested) then
      return
    end
    suggested.on_demand = false
    local position = vim.lsp.util.make_position_params(0, suggested.client.offset_encoding).position
    send(buf, suggested, NEXT_EDITS, { position = position, context = { triggerKind = 2 } }, function(err, result)
      if not err and result and is_free(buf, suggested) then
        show(buf, suggested, result.edits)
      end
    end)
  end, PAUSE_MS)
end

--- Asks for edits that the user wants, and says why there are none.
---@param method string
---@param params table
local function demand(method, params)
  local buf = api.nvim_get_current_buf()
  local suggested = by_buffer[buf]
  if not suggested then
    say('dgls does not serve this buffer: see :checkhealth dgls', vim.log.levels.WARN)
    return
  end
  forget(buf, suggested)
  suggested.on_demand = true
  send(buf, suggested, method, params, function(err, result)
    if err and err.code ~= vim.lsp.protocol.ErrorCodes.RequestCancelled then
      say(err.message, vim.log.levels.ERROR)
    elseif err or not result then
      say('overtaken by a change or a fill; try again', vim.log.levels.WARN)
    elseif #result.edits == 0 then
      say('nothing to show: ' .. tostring(result.silence))
    else
      show(buf, suggested, result.edits)
    end
  end)
end

--- Where edits stand while others are applied: marks move with the text.
---@param buf integer
---@param edits dgls.Edit[]
---@param encoding string
---@return integer[]
local function marked(buf, edits, encoding)
  return vim.tbl_map(function(edit)
    local first, last = edit.range.start, edit.range['end']
    return api.nvim_buf_set_extmark(buf, places, first.line, diff.byte(buf, first, encoding), {
      end_row = last.line,
      end_col = diff.byte(buf, last, encoding),
      strict = false,
    })
  end, edits)
end

--- Applies edits as one change, which one undo takes back; the others are for the document after it.
---@param buf integer
---@param suggested dgls.Suggested
---@param edits dgls.Edit[]
local function apply(buf, suggested, edits)
  local encoding = suggested.client.offset_encoding
  local others = vim.tbl_filter(function(edit)
    return not vim.list_contains(edits, edit)
  end, suggested.edits)
  local marks = marked(buf, others, encoding)
  local changes = vim.tbl_map(function(edit)
    return { range = edit.range, newText = edit.text }
  end, edits)
  vim.cmd('let &l:undolevels = &l:undolevels') -- ends the change that an undo takes back at once
  vim.lsp.util.apply_text_edits(changes, buf, encoding)
  for n, edit in ipairs(others) do
    local row, col, more = unpack(api.nvim_buf_get_extmark_by_id(buf, places, marks[n], { details = true }))
    local first = diff.position(buf, row, col, encoding)
    edit.range = { start = first, ['end'] = diff.position(buf, more.end_row, more.end_col, encoding) }
    edit.textDocument.version = version_of(buf)
  end
  api.nvim_buf_clear_namespace(buf, places, 0, -1)
  show(buf, suggested, others)
end

--- The edits that still fit the current buffer.
---@return integer buf, dgls.Suggested? suggested
local function current()
  local buf = api.nvim_get_current_buf()
  local suggested = by_buffer[buf]
  if suggested and #suggested.edits > 0 and suggested.version ~= version_of(buf) then
    forget(buf, suggested)
  end
  return buf, suggested
end

--- Goes to the nearest edit when it is more than a line away or in a closed fold, else applies it; false if there is none.
---@param all? boolean applies all, wherever they are
---@return boolean
function M.next(all)
  local buf, suggested = current()
  if not suggested or #suggested.edits == 0 then
    return false
  end
  local found = nearest(buf, suggested)[1]
  local row = math.min(found.lines.row + 1, api.nvim_buf_line_count(buf))
  if all then
    apply(buf, suggested, vim.list_slice(suggested.edits))
  elseif found.distance > 1 or vim.fn.foldclosed(row) ~= -1 then
    vim.cmd("normal! m'")
    api.nvim_win_set_cursor(0, { row, 0 })
    vim.cmd('normal! ^zv')
  else
    apply(buf, suggested, { found.edit })
  end
  return true
end

--- Takes the edits away, and what is being asked for; false if there is neither.
---@return boolean
function M.dismiss()
  local buf, suggested = current()
  if not suggested or (#suggested.edits == 0 and not suggested.request) then
    return false
  end
  cancel(suggested)
  forget(buf, suggested)
  return true
end

--- Writes a range anew, so much of it.
---@param range lsp.Range
---@param strength number 0 to 1
---@param instruction string
function M.rewrite(range, strength, instruction)
  demand('dgls/rewrite', { range = range, strength = strength, instruction = instruction })
end

--- Fills the placeholders in a range, or in the whole buffer.
---@param range? lsp.Range
function M.fill_gaps(range)
  demand('dgls/fillGaps', { range = range })
end

--- Fills a range, empty at a cursor, with something that has a text in it.
---@param range lsp.Range
---@param text string
function M.fill_with(range, text)
  demand('dgls/fillWith', { range = range, text = text })
end

--- The text changed: what is drawn for another version goes.
---@param buf integer
---@param suggested dgls.Suggested
local function moved(buf, suggested)
  if suggested.version ~= version_of(buf) then
    forget(buf, suggested)
  end
end

--- Takes over a buffer, until the client lets go of it.
---@param client vim.lsp.Client
---@param buf integer
function M.attach(client, buf)
  local suggested = { client = client, edits = {}, n_asked = 0 }
  local on = held.follow('edits', by_buffer, buf, suggested, diff.clear)
  on({ 'TextChanged', 'TextChangedI', 'TextChangedP' }, moved)
  on({ 'InsertEnter' }, forget)
  if config.now.edits then
    on({ 'TextChanged', 'InsertLeave' }, ask_soon)
  end
end

return M
