--- What the server asks when a result waits under review.
local decision = { 'Apply', 'Discard' }

---@type vim.lsp.Config
return {
  cmd = { 'phasr', 'serve' },
  root_markers = { '.phasr', '.git' },
  -- No `filetypes`: the server looks at every file, since a task can be about any of them.
  capabilities = {
    experimental = { phasr = { taskChanged = true } },
  },
  settings = { phasr = vim.empty_dict() },
  before_init = function(params, config)
    params.initializationOptions = config.settings.phasr
  end,
  handlers = {
    ['phasr/taskChanged'] = function(_, task)
      require('phasr.tasks').update(task)
    end,
    -- Neovim would ask with a menu, and that takes the keyboard from somebody who is typing.
    ['window/showMessageRequest'] = function(err, params, ctx)
      local titles = vim.tbl_map(function(action)
        return action.title
      end, params.actions or {})
      if not vim.deep_equal(titles, decision) then
        return vim.lsp.handlers['window/showMessageRequest'](err, params, ctx)
      end
      vim.notify(params.message .. ' :Phasr apply or :Phasr discard')
      return vim.NIL
    end,
  },
  on_exit = function()
    require('phasr.tasks').clear()
  end,
}
