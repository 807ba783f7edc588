--- Fills in Neovim's completion popup. Core inserts a part of the first line of an item; this adds the rest.
local fill_at = require('dgls.fill')

local M = {}

--- Completes from the server in a buffer.
---@param client vim.lsp.Client
---@param buf integer
function M.attach(client, buf)
  vim.lsp.completion.enable(true, client.id, buf)
  vim.api.nvim_create_autocmd('CompleteDone', {
    group = vim.api.nvim_create_augroup('dgls.popup:' .. buf, {}),
    buffer = buf,
    callback = function()
      local taken = vim.tbl_get(vim.v.completed_item, 'user_data', 'nvim', 'lsp') or {}
      if vim.v.event.reason == 'accept' and taken.client_id == client.id then
        local edit = taken.completion_item.textEdit
        local here = fill_at.here()
        local item = { insertText = edit.newText, range = edit.range }
        local fill = fill_at.of({ item }, here, client.offset_encoding)[1]
        local left = fill and fill_at.rest(fill)
        if left then
          fill_at.write(left)
        end
      end
    end,
  })
end

return M
