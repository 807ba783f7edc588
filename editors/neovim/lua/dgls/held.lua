--- What a feature keeps of a buffer from the moment a client attaches until it lets go.

local api = vim.api

local M = {}

--- Keeps something of a buffer and follows its events; the result adds what to do at some of them.
---@generic T
---@param name string
---@param by_buffer table<integer, T> what the feature keeps of each buffer
---@param buf integer
---@param kept T what it keeps of this one, with its client
---@param clear fun(buf: integer) takes away what is drawn, when the client lets go
---@return fun(events: string[], act: fun(buf: integer, kept: T))
function M.follow(name, by_buffer, buf, kept, clear)
  by_buffer[buf] = kept
  local group = api.nvim_create_augroup(('dgls.%s:%d'):format(name, buf), {})
  api.nvim_create_autocmd('LspDetach', {
    group = group,
    buffer = buf,
    callback = function(event)
      if event.data.client_id == kept.client.id and by_buffer[buf] == kept then
        clear(buf)
        by_buffer[buf] = nil
        -- Only what is in it now: when a file is read anew, the client attaches again at once, to the same group.
        api.nvim_clear_autocmds({ group = group })
      end
    end,
  })
  return function(events, act)
    api.nvim_create_autocmd(events, {
      group = group,
      buffer = buf,
      callback = function()
        act(buf, kept)
      end,
    })
  end
end

return M
