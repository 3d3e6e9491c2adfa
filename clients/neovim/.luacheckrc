std = 'luajit'
read_globals = {
  vim = { fields = { g = { read_only = false, other_fields = true } }, other_fields = true },
}
max_line_length = 100
