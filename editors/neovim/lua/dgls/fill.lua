--- A fill at a place in a buffer, and what is left of it once the user has typed a beginning of it. No client, no core.
local api = vim.api

local M = {}

--- A cursor, and what stands around it in its line.
---@class dgls.Place
---@field buf integer
---@field row integer from 0
---@field col integer in bytes
---@field head string the line before the cursor
---@field tail string the line behind it

--- Text for a place; `shown` is what core was given of it last.
---@class dgls.Fill: dgls.Place
---@field text string
---@field shown? string

--- Where the cursor of the current window is.
---@return dgls.Place
function M.here()
  local row, col = unpack(api.nvim_win_get_cursor(0))
  local line = api.nvim_get_current_line()
  local buf, head, tail = api.nvim_get_current_buf(), line:sub(1, col), line:sub(col + 1)
  return { buf = buf, row = row - 1, col = col, head = head, tail = tail }
end

--- Whether the cursor of normal mode is on the last character of its line: then what is meant is the place behind it.
---@return boolean
function M.is_on_last()
  local line, col = api.nvim_get_current_line(), api.nvim_win_get_cursor(0)[2]
  return col + #vim.fn.matchstr(line, '.', col) >= #line
end

--- The fills in an answer to a request made at a place. The server may have known a later state of the document than
--- the request: then an item stands further on, and what was typed until there belongs to its line.
---@param items lsp.InlineCompletionItem[]
---@param asked dgls.Place
---@param encoding string
---@return dgls.Fill[]
function M.of(items, asked, encoding)
  local fills = {}
  for _, item in ipairs(items) do
    local text, start = item.insertText, item.range and item.range.start
    local line = start and api.nvim_buf_get_lines(asked.buf, start.line, start.line + 1, false)[1]
    if type(text) == 'string' and line then
      local col = vim.str_byteindex(line, encoding, start.character, false)
      local head = start.line == asked.row and asked.head or line:sub(1, col)
      -- In a buffer with CRLF line ends the server writes them too; a buffer's lines have none.
      text = text:gsub('\r\n?', '\n')
      fills[#fills + 1] = { buf = asked.buf, row = start.line, col = col, head = head, tail = asked.tail, text = text }
    end
  end
  return fills
end

--- What is left of a fill at the cursor: nil unless a beginning of it was typed there and the lines around stayed.
---@param fill dgls.Fill
---@return string?
function M.rest(fill)
  local now = M.here()
  local is_behind = now.row > fill.row or (now.row == fill.row and now.col >= fill.col)
  if now.buf ~= fill.buf or now.tail ~= fill.tail or not is_behind then
    return nil
  end
  local line = api.nvim_buf_get_lines(fill.buf, fill.row, fill.row + 1, false)[1]
  if not vim.startswith(line, fill.head) or #line < fill.col then
    return nil
  end
  local typed = table.concat(api.nvim_buf_get_text(fill.buf, fill.row, fill.col, now.row, now.col, {}), '\n')
  if not vim.startswith(fill.text, typed) or #typed == #fill.text then
    return nil
  end
  return fill.text:sub(#typed + 1)
end

--- Writes text at the cursor, which is behind it then; `u` takes back this and not what was typed before.
---@param text string
function M.write(text)
  local row, col = unpack(api.nvim_win_get_cursor(0))
  local lines = vim.split(text, '\n', { plain = true })
  vim.cmd('let &l:undolevels = &l:undolevels') -- ends the change that an undo takes back at once
  api.nvim_buf_set_text(0, row - 1, col, row - 1, col, lines)
  api.nvim_win_set_cursor(0, { row + #lines - 1, (#lines == 1 and col or 0) + #lines[#lines] })
end

return M
