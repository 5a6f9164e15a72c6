"""The grammar of the magics: lexer, parser, help and completion of one command."""
