--- How an edit looks before it is applied: what goes is struck through, what comes stands beside or below it.
local api = vim.api
local namespace = api.nvim_create_namespace('dgls.diff')

local M = {}

--- An edit of a document at one version, as the server sends it.
---@class dgls.Edit
---@field textDocument { uri: string, version: integer }
---@field range lsp.Range
---@field text string

--- The lines that an edit changes, and what they become.
---@class dgls.Lines
---@field row integer the first one, from 0
---@field old string[]
---@field new string[]

--- Where a position of the server's is in a line, in bytes.
---@param buf integer
---@param position lsp.Position
---@param encoding string
---@return integer
function M.byte(buf, position, encoding)
  local line = api.nvim_buf_get_lines(buf, position.line, position.line + 1, false)[1] or ''
  return vim.str_byteindex(line, encoding, position.character, false)
end

--- The position of the server's for a place in a buffer.
---@param buf integer
---@param row integer from 0
---@param col integer in bytes
---@param encoding string
---@return lsp.Position
function M.position(buf, row, col, encoding)
  local line = api.nvim_buf_get_lines(buf, row, row + 1, false)[1] or ''
  return { line = row, character = vim.str_utfindex(line, encoding, math.min(col, #line), false) }
end

--- The lines that an edit changes; those that it leaves alike at its ends do not count.
---@param buf integer
---@param edit dgls.Edit
---@param encoding string
---@return dgls.Lines
function M.lines(buf, edit, encoding)
  local first, last = edit.range.start, edit.range['end']
  local old = api.nvim_buf_get_lines(buf, first.line, last.line + 1, false)
  local is_behind = last.line >= api.nvim_buf_line_count(buf)
  local head = (old[1] or ''):sub(1, M.byte(buf, first, encoding))
  local tail = is_behind and '' or old[#old]:sub(M.byte(buf, last, encoding) + 1)
  local new = vim.split(head .. edit.text:gsub('\r\n?', '\n') .. tail, '\n', { plain = true })
  if is_behind and new[#new] == '' then
    table.remove(new) -- what stands behind the last line end is no line
  end
  local row = first.line
  while #old > 0 and old[1] == new[1] do
    table.remove(old, 1)
    table.remove(new, 1)
    row = row + 1
  end
  while #old > 0 and old[#old] == new[#new] do
    table.remove(old)
    table.remove(new)
  end
  return { row = row, old = old, new = new }
end

--- How many characters two lists begin with alike; a word that differs counts as a whole.
---@param one string[]
---@param other string[]
---@param n_most integer
---@return integer
local function n_alike(one, other, n_most)
  local n = 0
  while n < n_most and one[n + 1] == other[n + 1] do
    n = n + 1
  end
  local function in_word(chars)
    return n > 0 and vim.fn.match((chars[n] or '') .. (chars[n + 1] or ''), [[^\k\k$]]) >= 0
  end
  while in_word(one) or in_word(other) do
    n = n - 1
  end
  return n
end

--- What differs between two lines: where in the old one, in bytes from 0, and the text that comes in its place.
---@param old string
---@param new string
---@return integer first, integer last, string added
function M.within(old, new)
  local one, other = vim.fn.split(old, '\\zs'), vim.fn.split(new, '\\zs')
  local begin = n_alike(one, other, math.min(#one, #other))
  local n_most = math.min(#one, #other) - begin
  local rest = n_alike(vim.iter(one):rev():totable(), vim.iter(other):rev():totable(), n_most)
  local first = #table.concat(one, '', 1, begin)
  local last = #table.concat(one, '', 1, #one - rest)
  return first, last, table.concat(other, '', begin + 1, #other - rest)
end

---@param buf integer
---@param row integer
---@param first integer
---@param last integer
local function strike(buf, row, first, last)
  if first < last then
    local groups = { 'DglsRemoved', 'DglsStruck' }
    api.nvim_buf_set_extmark(buf, namespace, row, first, { end_col = last, hl_group = groups, hl_mode = 'combine' })
  end
end

--- A change within a line, in the line itself.
---@param buf integer
---@param row integer
---@param old string
---@param new string
local function draw_within(buf, row, old, new)
  local first, last, added = M.within(old, new)
  strike(buf, row, first, last)
  if added ~= '' then
    local shown = { { added, 'DglsAdded' } }
    api.nvim_buf_set_extmark(buf, namespace, row, last, { virt_text = shown, virt_text_pos = 'inline' })
  end
end

--- Draws what an edit would do.
---@param buf integer
---@param lines dgls.Lines
function M.draw(buf, lines)
  if #lines.old == #lines.new then
    for n, old in ipairs(lines.old) do
      draw_within(buf, lines.row + n - 1, old, lines.new[n])
    end
    return
  end
  for n, old in ipairs(lines.old) do
    strike(buf, lines.row + n - 1, 0, #old)
  end
  local added = vim.tbl_map(function(line)
    return { { line, 'DglsAdded' } }
  end, lines.new)
  local last = lines.row + #lines.old - 1
  local row = math.min(math.max(last, 0), api.nvim_buf_line_count(buf) - 1)
  api.nvim_buf_set_extmark(buf, namespace, row, 0, { virt_lines = added, virt_lines_above = last < 0 })
end

--- Says behind the cursor's line where an edit is that is out of sight.
---@param buf integer
---@param lines dgls.Lines
function M.point(buf, lines)
  if lines.row + 1 < vim.fn.line('w0') or lines.row + 1 > vim.fn.line('w$') then
    local text = { { ('→ line %d'):format(lines.row + 1), 'DglsDraft' } }
    api.nvim_buf_set_extmark(buf, namespace, vim.fn.line('.') - 1, 0, { virt_text = text, virt_text_pos = 'eol' })
  end
end

--- Takes away what is drawn.
---@param buf integer
function M.clear(buf)
  if api.nvim_buf_is_valid(buf) then
    api.nvim_buf_clear_namespace(buf, namespace, 0, -1)
  end
end

--- How edits look, unless the user or the colour scheme says otherwise.
function M.highlight()
  api.nvim_set_hl(0, 'DglsAdded', { default = true, link = 'DiffAdd' })
  api.nvim_set_hl(0, 'DglsRemoved', { default = true, link = 'DiffDelete' })
  -- A link, as these outlive a change of the colour scheme.
  api.nvim_set_hl(0, 'DglsStruck', { default = true, link = '@markup.strikethrough' })
end

return M
