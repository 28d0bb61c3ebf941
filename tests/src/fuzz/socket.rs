//! Lines of the text socket.

use regate::shim::lex::{Lexer, Token};

/// Cuts the bytes into commands: at once, and as they may come in pieces.
pub fn lines(data: &[u8]) {
    let mut whole = Lexer::new();
    whole.feed(data);
    let expected: Vec<Token> = std::iter::from_fn(|| whole.token()).collect();
    for length in [1, 7] {
        let mut lexer = Lexer::new();
        let mut tokens = Vec::new();
        for piece in data.chunks(length) {
            lexer.feed(piece);
            tokens.extend(std::iter::from_fn(|| lexer.token()));
        }
        assert_eq!(tokens, expected, "in pieces of {length}: {}", data.escape_ascii());
        assert_eq!(lexer.is_between_lines(), whole.is_between_lines());
    }
}

/// Commands with escapes, several on a line, payloads.
pub fn seeds() -> Vec<Vec<u8>> {
    let lines = [
        "show info; show stat -1 4 -1\n",
        "set server b/s weight 50%\r\nget weight b/s\n",
        "add server b/s\\ t 127.0.0.1:1 \\; x\n",
        "set ssl cert a <<\nline one\nline two\n\nshow info\n",
        "add map #0 <<END\nkey value\nEND\nprompt\n",
        ";;\n\\\n",
        "@1 show info",
    ];
    lines.iter().map(|line| line.as_bytes().to_vec()).collect()
}
