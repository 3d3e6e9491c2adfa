--- The `:Phasr` command.

local tasks = require('phasr.tasks')

local M = {}

---@alias phasr.Invocation vim.api.keyset.create_user_command.command_args

---@param message string
---@param level? integer one of vim.log.levels, default INFO
local function notify(message, level)
  vim.notify('Phasr: ' .. message, level or vim.log.levels.INFO)
end

--- The client of the current buffer, else any, so that tasks can be seen to from everywhere.
---@return vim.lsp.Client?
local function find_client()
  local client = vim.lsp.get_clients({ name = 'phasr', bufnr = 0 })[1]
    or vim.lsp.get_clients({ name = 'phasr' })[1]
  if not client then
    notify("the server isn't running; see :checkhealth phasr", vim.log.levels.WARN)
  end
  return client
end

---@param client vim.lsp.Client
---@param command string
---@param argument? table
---@param on_result? fun(result: any)
local function execute(client, command, argument, on_result)
  client:exec_cmd(
    { title = command, command = command, arguments = argument and { argument } },
    { bufnr = 0 },
    function(err, result)
      if err then
        notify(err.message, vim.log.levels.ERROR)
      elseif on_result then
        on_result(result)
      end
    end
  )
end

--- Every diagnostic on the lines, whichever tool it comes from: Neovim itself would send the
--- server only those that it published.
---@param first integer 1-based
---@param last integer 1-based
---@return lsp.Diagnostic[]
local function diagnostics_on(first, last)
  local found = {} ---@type lsp.Diagnostic[]
  for _, diagnostic in ipairs(vim.diagnostic.get(0)) do
    local from_server = vim.tbl_get(diagnostic, 'user_data', 'lsp')
    if diagnostic.lnum < last and diagnostic.end_lnum >= first - 1 then
      table.insert(found, from_server or {
        range = {
          start = { line = diagnostic.lnum, character = diagnostic.col },
          ['end'] = { line = diagnostic.end_lnum, character = diagnostic.end_col },
        },
        message = diagnostic.message,
        severity = diagnostic.severity,
        source = diagnostic.source,
      })
    end
  end
  return found
end

--- The lines that a range on the command names, in the form that vim.lsp takes: (1,0)-indexed.
---@param invocation phasr.Invocation
---@return { start: [integer, integer], end: [integer, integer] }? selection nil: just the cursor
local function selection_of(invocation)
  if invocation.range == 0 then
    return nil
  end
  local last = vim.api.nvim_buf_get_lines(0, invocation.line2 - 1, invocation.line2, true)[1]
  return {
    start = { invocation.line1, 0 },
    ['end'] = { invocation.line2, math.max(#last - 1, 0) },
  }
end

---@param client vim.lsp.Client
---@param invocation phasr.Invocation
---@return lsp.Range
local function range_of(client, invocation)
  local util = vim.lsp.util
  local selection = selection_of(invocation)
  local params = selection
      and util.make_given_range_params(selection.start, selection['end'], 0, client.offset_encoding)
    or util.make_range_params(0, client.offset_encoding)
  return params.range
end

---@param invocation phasr.Invocation
local function choose_kind(invocation)
  vim.lsp.buf.code_action({
    context = { diagnostics = diagnostics_on(invocation.line1, invocation.line2) },
    filter = function(action)
      return vim.tbl_get(action, 'command', 'command') == 'phasr.run'
    end,
    range = selection_of(invocation),
  })
end

---@param words string[]
---@param invocation phasr.Invocation
local function run(words, invocation)
  local kind = table.remove(words, 1)
  if not kind then
    return choose_kind(invocation)
  end
  local client = find_client()
  if not client then
    return
  end
  local diagnostic = kind == 'fix' and diagnostics_on(invocation.line1, invocation.line2)[1]
  execute(client, 'phasr.run', {
    kind = kind,
    uri = vim.uri_from_bufnr(0),
    range = range_of(client, invocation),
    version = vim.lsp.util.buf_versions[vim.api.nvim_get_current_buf()],
    instruction = #words > 0 and table.concat(words, ' ') or nil,
    diagnostic = diagnostic and diagnostic.message or nil,
  })
end

--- A subcommand that names a task, or leaves the choice to the server.
---@param command string
---@param done string what has happened to the tasks that the server names
---@param nothing string what to say where there was none
---@return fun(words: string[])
local function on_task(command, done, nothing)
  return function(words)
    local client = find_client()
    if not client then
      return
    end
    local argument = words[1] and { task = words[1] } or nil
    execute(client, command, argument, function(result) ---@param result phasr.TasksResult
      for _, task in ipairs(result.tasks) do
        notify(done .. ' ' .. task.title)
      end
      if #result.tasks == 0 then
        notify(nothing)
      end
    end)
  end
end

local highlights = {
  applied = 'DiagnosticOk',
  ready = 'DiagnosticWarn',
  conflicted = 'DiagnosticWarn',
  failed = 'DiagnosticError',
}

---@param task phasr.TaskInfo
---@return string
local function facts_of(task)
  local facts = { ('%.1f s'):format(task.seconds) }
  if task.inputTokens and task.outputTokens then
    table.insert(facts, ('%d in, %d out'):format(task.inputTokens, task.outputTokens))
  end
  if task.cost then
    table.insert(facts, ('$%.4f'):format(task.cost))
  end
  return table.concat(facts, ', ')
end

---@param result phasr.TasksResult
local function show_status(result)
  if #result.tasks == 0 then
    return notify('no task has been started')
  end
  local chunks = {} ---@type [string, string?][]
  for _, task in ipairs(result.tasks) do
    local name = ('%-6s %-32s '):format(task.task, task.title)
    local model = task.model and ' ' .. task.model or ''
    local end_of_line = task.message and '\n       ' .. task.message .. '\n' or '\n'
    vim.list_extend(chunks, {
      { name },
      { ('%-11s'):format(task.state), highlights[task.state] or 'Comment' },
      { model .. '  ' .. facts_of(task) .. end_of_line },
    })
  end
  vim.api.nvim_echo(chunks, true, {})
end

local cancel = on_task('phasr.cancel', 'stopping', 'no task is at work')
local cancel_all = on_task('phasr.cancelAll', 'stopping', 'no task is at work')

---@type table<string, fun(words: string[], invocation: phasr.Invocation)>
local subcommands = {
  run = run,
  cancel = function(words)
    if words[1] == 'all' then
      cancel_all({})
    else
      cancel(words)
    end
  end,
  apply = on_task('phasr.apply', 'applying', 'no result waits for a decision'),
  discard = on_task('phasr.discard', 'discarded', 'no result waits for a decision'),
  status = function()
    local client = find_client()
    if client then
      execute(client, 'phasr.status', nil, show_status)
    end
  end,
  install = function()
    local client = find_client()
    if client then
      execute(client, 'phasr.installModel')
    end
  end,
}

---@param invocation phasr.Invocation
function M.run(invocation)
  local words = vim.list_slice(invocation.fargs)
  local name = table.remove(words, 1)
  local subcommand = subcommands[name]
  if subcommand then
    subcommand(words, invocation)
  else
    local known = table.concat(vim.fn.sort(vim.tbl_keys(subcommands)), ', ')
    notify(("there is no '%s'; there are %s"):format(name, known), vim.log.levels.ERROR)
  end
end

local kinds = {
  'document',
  'do',
  'errors',
  'fix',
  'implement',
  'imports',
  'refactor',
  'tests',
  'types',
}

---@param predicate fun(task: phasr.TaskInfo): boolean
---@return string[]
local function ids(predicate)
  return vim.tbl_map(function(task)
    return task.task
  end, tasks.filter(predicate))
end

---@param subcommand string
---@return string[]
local function arguments_of(subcommand)
  if subcommand == 'run' then
    return kinds
  elseif subcommand == 'cancel' then
    return vim.list_extend({ 'all' }, ids(tasks.is_at_work))
  elseif subcommand == 'apply' or subcommand == 'discard' then
    return ids(tasks.is_undecided)
  end
  return {}
end

--- Completes subcommands, then what each takes; see |:command-completion-customlist|.
---@param lead string
---@param line string
---@return string[]
function M.complete(lead, line)
  local words = vim.split(line:gsub('^.-Phasr!?%s+', ''), '%s+')
  local candidates = {} ---@type string[]
  if #words == 1 then
    candidates = vim.tbl_keys(subcommands)
  elseif #words == 2 then
    candidates = arguments_of(words[1])
  end
  return vim.fn.sort(vim.tbl_filter(function(candidate)
    return vim.startswith(candidate, lead)
  end, candidates))
end

return M
