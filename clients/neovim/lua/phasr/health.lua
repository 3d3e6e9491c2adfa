local M = {}

function M.check()
  vim.health.start('phasr')
  if vim.fn.has('nvim-0.11') == 0 then
    vim.health.error('Neovim 0.11 or newer is needed')
    return
  end

  local config = vim.lsp.config.phasr
  local command = config and config.cmd
  if type(command) == 'table' then
    local path = vim.fn.exepath(command[1])
    if path == '' then
      vim.health.error(('`%s` was not found'):format(command[1]), {
        'Install the server (the package is called phasr-lsp) so that `phasr` is on your PATH,',
        "or name it: vim.lsp.config('phasr', { cmd = { '/path/to/phasr', 'serve' } })",
      })
    else
      vim.health.ok('server: ' .. path)
    end
  end

  if not vim.lsp.is_enabled('phasr') then
    vim.health.warn('not enabled', { "Put vim.lsp.enable('phasr') into your init.lua" })
  end

  local clients = vim.lsp.get_clients({ name = 'phasr' })
  if #clients == 0 then
    vim.health.info('not running: it starts when a file is opened')
  end
  for _, client in ipairs(clients) do
    local version = vim.tbl_get(client, 'server_info', 'version') or 'unknown version'
    vim.health.ok(('running %s in %s'):format(version, client.root_dir or 'single-file mode'))
  end
  vim.health.info('`phasr doctor` in a shell tells which models can be used here')
end

return M
