--- Live drafts: while a fill comes into focus, what of it has settled stands dim at the cursor.
local config = require('dgls.config')

local api = vim.api
local namespace = api.nvim_create_namespace('dgls.drafts')

local M = {}

--- Shows a draft, if the document and the cursor are still those of its request.
---@param told { textDocument: lsp.VersionedTextDocumentIdentifier, position: lsp.Position, text: string }
---@param client_id integer
function M.show(told, client_id)
  local buf, client = api.nvim_get_current_buf(), vim.lsp.get_client_by_id(client_id)
  if not client or not config.now.drafts or not api.nvim_get_mode().mode:match('^i') then
    return
  end
  local here = vim.lsp.util.make_position_params(0, client.offset_encoding)
  if
    here.textDocument.uri ~= told.textDocument.uri
    or vim.lsp.util.buf_versions[buf] ~= told.textDocument.version
    or not vim.deep_equal(here.position, told.position)
  then
    return
  end
  local lines = {} ---@type [string, string][][]
  for line in vim.gsplit((told.text:gsub('\r\n?', '\n')), '\n', { plain = true }) do
    lines[#lines + 1] = { { line, 'DglsDraft' } }
  end
  local row, col = unpack(api.nvim_win_get_cursor(0))
  M.clear(buf)
  api.nvim_buf_set_extmark(buf, namespace, row - 1, col, {
    virt_text = lines[1],
    virt_text_pos = 'inline',
    virt_lines = vim.list_slice(lines, 2),
    hl_mode = 'combine',
  })
end

--- Takes away what is shown.
---@param buf integer
function M.clear(buf)
  if api.nvim_buf_is_valid(buf) then
    api.nvim_buf_clear_namespace(buf, namespace, 0, -1)
  end
end

--- How drafts look, unless the user or the colour scheme says otherwise.
function M.highlight()
  api.nvim_set_hl(0, 'DglsDraft', { default = true, link = 'Comment' })
end

return M
