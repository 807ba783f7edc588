--- Keys in insert mode, and names for keys in normal mode. A key that somebody else has mapped stays theirs, unless the
--- user gave it to dgls.
local config = require('dgls.config')

local M = {}

--- Keys that were left alone: function -> key.
---@type table<string, string>
M.left_alone = {}

-- What was on our keys before: key -> mapping, empty if there was none.
local replaced = {} ---@type table<string, table<string, any>>

-- These give the key back when there is nothing to take or to dismiss.
local FALLS_BACK = { accept = true, accept_word = true, accept_line = true, dismiss = true }
local DESCRIPTION = 'dgls: '

--- Puts back what was there before our keys were mapped, where they still are ours.
local function unmap()
  for lhs, before in pairs(replaced) do
    if vim.startswith(vim.fn.maparg(lhs, 'i', false, true).desc or '', DESCRIPTION) then
      vim.keymap.del('i', lhs)
      if not vim.tbl_isempty(before) then
        vim.fn.mapset('i', false, before)
      end
    end
  end
  replaced = {}
end

--- Maps the keys of the configuration, in place of those of an earlier one.
---@param dgls table<string, fun(): boolean>
function M.map(dgls)
  unmap()
  M.left_alone = {}
  vim.keymap.set('n', '<Plug>(dgls-next-edit)', dgls.next_edit, { desc = DESCRIPTION .. 'next edit' })
  vim.keymap.set('n', '<Plug>(dgls-dismiss-edits)', dgls.dismiss_edits, { desc = DESCRIPTION .. 'dismiss edits' })
  for name, lhs in pairs(config.now.keymaps or {}) do
    local before = lhs and vim.fn.maparg(lhs, 'i', false, true) or {}
    -- Neovim maps <Tab> itself, to jump within a snippet.
    local is_free = vim.tbl_isempty(before) or vim.startswith(before.desc or '', 'vim.snippet.jump')
    if lhs and (is_free or config.is_given('keymaps', name)) then
      replaced[lhs] = before
      local description = DESCRIPTION .. name:gsub('_', ' ')
      if FALLS_BACK[name] then
        vim.keymap.set('i', lhs, function()
          if dgls[name]() then
            return ''
          end
          return before.expr == 1 and before.callback and before.callback() or lhs
        end, { expr = true, desc = description })
      else
        vim.keymap.set('i', lhs, dgls[name], { desc = description })
      end
    elseif lhs then
      M.left_alone[name] = lhs
    end
  end
end

return M
