--- What a feature keeps of a buffer from the moment a client attaches until it lets go.

local api = vim.api

local M = {}

--- Follows a buffer's events; the result adds what to do at some of them.
---@generic T
---@param name string
---@param buf integer
---@param kept T what the feature keeps of the buffer, with its client
---@param released fun(): boolean called when the client lets go; whether the feature still kept it
---@return fun(events: string[], act: fun(buf: integer, kept: T))
function M.follow(name, buf, kept, released)
  local group = api.nvim_create_augroup(('dgls.%s:%d'):format(name, buf), {})
  api.nvim_create_autocmd('LspDetach', {
    group = group,
    buffer = buf,
    callback = function(event)
      if event.data.client_id == kept.client.id and released() then
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
