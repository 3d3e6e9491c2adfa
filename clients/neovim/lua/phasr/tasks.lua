--- What the server says of its tasks: the types, and the last word on each.

---@alias phasr.State
---| 'queued'
---| 'running'
---| 'verifying'
---| 'ready'
---| 'applying'
---| 'applied'
---| 'conflicted'
---| 'failed'
---| 'cancelled'
---| 'discarded'
---| 'interrupted'
---| 'undone'

---@class phasr.TaskInfo
---@field task string
---@field kind string
---@field title string
---@field uri string
---@field state phasr.State
---@field model? string nil until one is chosen
---@field seconds number since it was started, until it ended
---@field message? string why it failed, or what it waits for
---@field inputTokens? integer
---@field outputTokens? integer
---@field cost? number US dollars; nil where the price isn't known
---@field changed string[] the documents that its result changes

---@class phasr.TasksResult
---@field tasks phasr.TaskInfo[]

local M = {}

---@type table<string, phasr.TaskInfo>
local tasks = {}

local at_work = { queued = true, running = true, verifying = true, applying = true }
local undecided = { ready = true, conflicted = true }

---@param task phasr.TaskInfo
---@return boolean
function M.is_at_work(task)
  return at_work[task.state] == true
end

--- Whether the task waits for `apply` or `discard`.
---@param task phasr.TaskInfo
---@return boolean
function M.is_undecided(task)
  return undecided[task.state] == true
end

local said = { running = true, applied = true, cancelled = true }

--- Says in the message area what a person waits for; of failures the server tells by itself.
---@param task phasr.TaskInfo
local function say(task)
  if not said[task.state] or vim.g.phasr_quiet then
    return
  end
  local text = table.concat({ 'Phasr: ' .. task.title, task.state, task.model }, ' · ')
  -- A line that doesn't fit would ask for a key press.
  vim.api.nvim_echo({ { vim.fn.strcharpart(text, 0, vim.o.columns - 13) } }, false, {})
end

--- Keeps what the server sent and tells the user's autocommands (`User PhasrTaskChanged`).
---@param task phasr.TaskInfo
function M.update(task)
  tasks[task.task] = task
  say(task)
  vim.api.nvim_exec_autocmds('User', { pattern = 'PhasrTaskChanged', data = task })
  vim.cmd.redrawstatus({ bang = true })
end

function M.clear()
  tasks = {}
end

---@param predicate fun(task: phasr.TaskInfo): boolean
---@return phasr.TaskInfo[]
function M.filter(predicate)
  return vim.tbl_filter(predicate, vim.tbl_values(tasks))
end

return M
