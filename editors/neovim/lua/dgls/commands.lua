--- :Dgls and what stands behind each of its words.
local client = require('dgls.client')
local config = require('dgls.config')
local status = require('dgls.status')

local M = {}

---@param text string
---@param level? integer
local function say(text, level)
  vim.notify('dgls: ' .. text, level or vim.log.levels.INFO)
end

--- Opens text in a window of its own.
---@param title string
---@param text string
local function open(title, text)
  vim.cmd.new()
  local buf = vim.api.nvim_get_current_buf()
  vim.bo[buf].buftype, vim.bo[buf].bufhidden, vim.bo[buf].swapfile = 'nofile', 'wipe', false
  vim.api.nvim_buf_set_lines(buf, 0, -1, false, vim.split(vim.trim(text), '\n'))
  vim.bo[buf].modifiable = false
  pcall(vim.api.nvim_buf_set_name, buf, 'dgls://' .. title)
end

local ENGINES = {
  ['local'] = 'a model in the server itself',
  vllm = 'a vLLM server, one for every window',
  scripted = 'a script, for trying out editors',
}

---@class dgls.Command
---@field help string
---@field words? string[]
---@field run fun(word: string?, range: { [1]: integer, [2]: integer }?)

---@type table<string, dgls.Command>
M.commands = {
  status = {
    help = 'say how the server and its engine are',
    run = function()
      say(table.concat(status.report(vim.api.nvim_get_current_buf()), '\n'))
    end,
  },
  pause = {
    help = 'ask for nothing while typing; `:Dgls pause buffer` for this buffer only',
    words = { 'buffer' },
    run = function(word)
      local buf = vim.api.nvim_get_current_buf()
      status.pause(word == 'buffer' and buf or nil)
    end,
  },
  resume = {
    help = 'end the pause',
    run = function()
      status.resume(vim.api.nvim_get_current_buf())
    end,
  },
  engine = {
    help = 'choose what fills gaps; `:Dgls engine vllm` without a question',
    words = vim.tbl_keys(ENGINES),
    run = function(word)
      local function use(name)
        if name then
          client.configure({ engine = name })
        end
      end
      if word then
        use(word)
      else
        local describe = function(name)
          return ('%s: %s'):format(name, ENGINES[name])
        end
        vim.ui.select({ 'local', 'vllm', 'scripted' }, { prompt = 'What fills gaps', format_item = describe }, use)
      end
    end,
  },
  log = {
    help = "open the server's log",
    run = function()
      local file = config.now.settings.log_file
      vim.cmd.split({ vim.fn.fnameescape(file ~= '' and file or vim.lsp.log.get_filename()) })
      vim.bo.autoread = true
      vim.cmd.normal({ 'G', bang = true })
    end,
  },
  doctor = {
    help = 'say what is amiss on this machine',
    run = function()
      local command = vim.list_extend(config.command('doctor'), config.options())
      local ok, failure = pcall(vim.system, command, { env = { COLUMNS = '100', NO_COLOR = '1' } }, function(done)
        vim.schedule(function()
          open('doctor', done.stdout ~= '' and done.stdout or done.stderr)
        end)
      end)
      if not ok then
        say(tostring(failure), vim.log.levels.ERROR)
      end
    end,
  },
  fill = {
    help = 'fill at the cursor',
    run = function()
      require('dgls.ghost').trigger()
    end,
  },
  rewrite = {
    help = 'rewrite the lines of the range',
    run = function(_, range)
      local served = client.of()
      if not served or not served:supports_method('textDocument/codeAction') then
        say('this server cannot rewrite yet; it fills at the cursor', vim.log.levels.WARN)
        return
      end
      local last = vim.api.nvim_buf_get_lines(0, range[2] - 1, range[2], false)[1] or ''
      vim.lsp.buf.code_action({
        context = { only = { 'refactor.rewrite' }, diagnostics = {} },
        range = { start = { range[1], 0 }, ['end'] = { range[2], #last } },
        filter = function(_, client_id)
          return client_id == served.id
        end,
      })
    end,
  },
  restart = {
    help = 'start the server anew',
    run = function()
      client.restart()
    end,
  },
}

--- The words that may follow what is typed so far.
---@param line string
---@return string[]
function M.complete(line)
  local first, rest = line:match('Dgls!?%s+(%S*)(.*)')
  local words = vim.tbl_keys(M.commands)
  local begun = first or ''
  if rest and rest ~= '' then
    words = M.commands[first] and M.commands[first].words or {}
    begun = vim.trim(rest)
  end
  table.sort(words)
  return vim.tbl_filter(function(word)
    return vim.startswith(word, begun)
  end, words)
end

---@param asked vim.api.keyset.create_user_command.command_args
function M.run(asked)
  local name, word = asked.fargs[1] or 'status', asked.fargs[2]
  local command = M.commands[name]
  if not command or (word and not vim.list_contains(command.words or {}, word)) or asked.fargs[3] then
    say((':Dgls cannot %s; see :help :Dgls'):format(asked.args), vim.log.levels.ERROR)
    return
  end
  command.run(word, { asked.line1, asked.line2 })
end

function M.create()
  vim.api.nvim_create_user_command('Dgls', M.run, {
    nargs = '*',
    range = true,
    desc = 'dgls: status, pause, engine, log, doctor, fill ...',
    complete = function(_, line)
      return M.complete(line)
    end,
  })
end

return M
