if vim.g.loaded_phasr then
  return
end
vim.g.loaded_phasr = true

vim.api.nvim_create_user_command('Phasr', function(invocation)
  require('phasr.command').run(invocation)
end, {
  desc = 'Run, watch and stop Phasr tasks',
  nargs = '+',
  range = true,
  complete = function(...)
    return require('phasr.command').complete(...)
  end,
})
