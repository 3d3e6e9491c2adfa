"""What a text with parts left out means for a file: its statements, which of them are which, what stays and goes.

Works on lines, indentation and brackets alone; it will never know a language's grammar, nor what a reply is.
"""
