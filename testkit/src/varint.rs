//! Numbers as the module writes them into what it saves, for payloads that a test forges.

/// A number in LEB128: seven bits a byte, the low ones first. Written apart from the module's own encoder, which it
/// checks.
pub fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}
