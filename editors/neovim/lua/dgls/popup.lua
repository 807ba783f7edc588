--- Fills in Neovim's completion popup. Core inserts the first line of an item; this adds the others.
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
      local item = vim.tbl_get(vim.v.completed_item, 'user_data', 'nvim', 'lsp') or {}
      if vim.v.event.reason == 'accept' and item.client_id == client.id then
        local more = item.completion_item.textEdit.newText:gsub('\r\n?', '\n'):match('\n.*')
        if more then
          fill_at.write(more)
        end
      end
    end,
  })
end

return M
