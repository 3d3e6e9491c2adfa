--- Phasr for Neovim. `vim.lsp.enable('phasr')` is all it needs; this module is what a
--- configuration may call besides.

local tasks = require('phasr.tasks')

local M = {}

---@class phasr.Options
---@field cmd? string[] how to start the server; default `{ 'phasr', 'serve' }`
---@field settings? table what the user's configuration file may hold, with precedence over it

--- Sets options and enables the server: for those who'd rather not call `vim.lsp.config`.
---@param options? phasr.Options
function M.setup(options)
  options = options or {}
  vim.lsp.config('phasr', {
    cmd = options.cmd,
    settings = options.settings and { phasr = options.settings },
  })
  vim.lsp.enable('phasr')
end

--- For 'statusline': `phasr: 2 running, 1 to review`, or nothing while there is nothing to say.
---@return string
function M.statusline()
  local running = #tasks.filter(tasks.is_at_work)
  local waiting = #tasks.filter(tasks.is_undecided)
  local parts = {}
  if running > 0 then
    table.insert(parts, running .. ' running')
  end
  if waiting > 0 then
    table.insert(parts, waiting .. ' to review')
  end
  return #parts > 0 and 'phasr: ' .. table.concat(parts, ', ') or ''
end

return M
