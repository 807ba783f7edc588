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

local STRENGTHS = { little = 0.3, half = 0.6, anew = 1 }

---@param row integer from 0
---@param col integer in bytes
---@return lsp.Position
local function position(row, col)
  local served = client.of()
  return require('dgls.diff').position(0, row, col, served and served.offset_encoding or 'utf-8')
end

--- The lines of a command's range; the characters, where it is a selection of characters.
---@param asked vim.api.keyset.create_user_command.command_args
---@return lsp.Range
local function selected(asked)
  local first, last, line = { asked.line1, 1 }, { asked.line2 }, vim.fn.getline(asked.line2)
  local begin, stop = vim.fn.getpos("'<"), vim.fn.getpos("'>")
  if asked.range == 2 and vim.fn.visualmode() == 'v' and begin[2] == first[1] and stop[2] == last[1] then
    local is_behind = vim.o.selection == 'exclusive' -- then the mark of the end is
    first[2] = begin[3]
    last[2] = stop[3] <= #line and (is_behind and stop[3] - 1 or stop[3] + vim.str_utf_end(line, stop[3])) or nil
  end
  return { start = position(first[1] - 1, first[2] - 1), ['end'] = position(last[1] - 1, last[2] or #line) }
end

--- The gap at the cursor: before it, behind the last character of a line.
---@return lsp.Range
local function at_cursor()
  local row, col = unpack(vim.api.nvim_win_get_cursor(0))
  local here = position(row - 1, require('dgls.fill').is_on_last() and vim.fn.col('$') - 1 or col)
  return { start = here, ['end'] = here }
end

---@class dgls.Command
---@field help string
---@field words? string[]
---@field takes_text? boolean whether anything may follow
---@field run fun(word: string?, asked: vim.api.keyset.create_user_command.command_args)

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
  next = {
    help = 'go to the next suggested edit, or apply it; `:Dgls next all` applies all',
    words = { 'all' },
    run = function(word)
      if not require('dgls.edits').next(word == 'all') then
        say('no edit is suggested here')
      end
    end,
  },
  dismiss = {
    help = 'take the suggested edits away',
    run = function()
      require('dgls.edits').dismiss()
    end,
  },
  rewrite = {
    help = 'write the selection anew: how much of it (0 to 1), and in which way',
    words = vim.tbl_keys(STRENGTHS),
    takes_text = true,
    run = function(text, asked)
      local word, rest = (text or ''):match('^(%S*)%s*(.*)$')
      local strength = STRENGTHS[word] or tonumber(word)
      if strength and not (strength >= 0 and strength <= 1) then
        say(('a strength is little, half, anew, or a number from 0 to 1, not %s'):format(word), vim.log.levels.ERROR)
        return
      end
      require('dgls.edits').rewrite(selected(asked), strength or 1, strength and rest or text or '')
    end,
  },
  fill_gaps = {
    help = 'fill all placeholders of the buffer or the range',
    run = function(_, asked)
      require('dgls.edits').fill_gaps(asked.range > 0 and selected(asked) or nil)
    end,
  },
  fill_with = {
    help = 'fill at the cursor, or in place of the selection, with something that has a text in it',
    takes_text = true,
    run = function(text, asked)
      require('dgls.edits').fill_with(asked.range > 0 and selected(asked) or at_cursor(), text or '')
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
  local name, text = asked.args:match('^(%S*)%s*(.*)$')
  local command = M.commands[name == '' and 'status' or name]
  local word = text ~= '' and text or nil
  if not command or (word and not command.takes_text and not vim.list_contains(command.words or {}, word)) then
    say((':Dgls cannot %s; see :help :Dgls'):format(asked.args), vim.log.levels.ERROR)
    return
  end
  command.run(word, asked)
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
